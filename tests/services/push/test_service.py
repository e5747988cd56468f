"""PushService, over every transport."""

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, push_pb2

from server.services.push.repository import MAX_WRONG_CHALLENGES
from server.services.push.vapid import new_key
from tests.services.auth.accounts import refusal
from tests.services.push.device import Device, bytes_of, text_of
from tests.services.push.rows import challenge_of
from tests.support.client import SOME_UUID, Client, User, bearer, refused
from tests.support.worker import serving

# Nothing listens there.
URL = "https://127.0.0.1:9/abc"


class Owner:
    """A user with a session."""

    def __init__(self, client: Client, user: User, tokens: auth_pb2.Tokens) -> None:
        self.client, self.user, self._metadata = client, user, bearer(tokens)

    async def register(self, device: Device) -> str:
        return await self.send(device.request())

    async def send(self, request: push_pb2.RegisterEndpointRequest) -> str:
        response = await self.client.push.RegisterEndpoint(request, metadata=self._metadata)
        endpoint_id: str = response.id
        return endpoint_id

    async def confirm(self, endpoint_id: str, challenge: str) -> None:
        request = push_pb2.ConfirmEndpointRequest(id=endpoint_id, challenge=challenge)
        await self.client.push.ConfirmEndpoint(request, metadata=self._metadata)

    async def list(self) -> push_pb2.ListEndpointsResponse:
        request = push_pb2.ListEndpointsRequest()
        return await self.client.push.ListEndpoints(request, metadata=self._metadata)

    async def delete(self, endpoint_id: str) -> None:
        request = push_pb2.DeleteEndpointRequest(id=endpoint_id)
        await self.client.push.DeleteEndpoint(request, metadata=self._metadata)


async def owner_of(client: Client) -> Owner:
    user = await client.new_user()
    return Owner(client, user, await client.login(user))


@pytest.fixture
async def owner(client: Client) -> Owner:
    return await owner_of(client)


@pytest.fixture
async def stranger(client: Client) -> Owner:
    return await owner_of(client)


@pytest.fixture
def device() -> Device:
    return Device(URL)


class TestRegisterEndpoint:
    async def test_returns_id_of_listed_endpoint(self, owner: Owner, device: Device) -> None:
        endpoint_id = await owner.register(device)
        [endpoint] = (await owner.list()).endpoints
        assert (endpoint.id, endpoint.endpoint, endpoint.confirmed) == (endpoint_id, URL, False)
        age = datetime.now(UTC) - endpoint.create_time.ToDatetime(UTC)
        assert abs(age) < timedelta(minutes=1)
        assert await owner.register(Device(URL)) == endpoint_id

    async def test_accepts_padded_keys(self, owner: Owner, device: Device) -> None:
        request = device.request()
        request.keys.p256dh += "="
        request.keys.auth += "=="
        assert await owner.send(request)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("endpoint", ""),
            ("endpoint", "http://127.0.0.1/abc"),
            ("endpoint", "https://user@127.0.0.1/abc"),
            ("endpoint", "https://127.1/abc"),
            ("endpoint", "https://nowhere.invalid/abc"),
            ("endpoint", "https://127.0.0.1/" + "a" * 2048),
            ("keys.p256dh", ""),
            ("keys.p256dh", text_of(b"\4" + bytes(64))),
            ("keys.p256dh", text_of(bytes(33))),
            ("keys.auth", ""),
            ("keys.auth", text_of(bytes(15))),
            ("keys.auth", "+" * 22),
        ],
        ids=lambda value: value[:32],
    )
    async def test_rejects_invalid_field(
        self, owner: Owner, device: Device, field: str, value: str
    ) -> None:
        request = device.request()
        message, _, name = field.rpartition(".")
        setattr(request.keys if message else request, name, value)
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await owner.send(request)
        assert (await owner.list()).endpoints == []

    async def test_requires_keys(self, owner: Owner) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "keys"):
            await owner.send(push_pb2.RegisterEndpointRequest(endpoint=URL))

    async def test_rejects_an_eleventh(self, owner: Owner) -> None:
        for number in range(10):
            await owner.register(Device(f"{URL}{number}"))
        assert (
            await refusal(owner.register(Device(f"{URL}10"))) == "RESOURCE_EXHAUSTED QUOTA_EXCEEDED"
        )


class TestConfirmEndpoint:
    async def test_confirms(
        self, owner: Owner, device: Device, database: asyncpg.Connection
    ) -> None:
        endpoint_id = await owner.register(device)
        challenge = text_of(await challenge_of(database, UUID(endpoint_id)))
        await owner.confirm(endpoint_id, challenge)
        await owner.confirm(endpoint_id, f"{challenge}=")
        assert (await owner.list()).endpoints[0].confirmed

    @pytest.mark.parametrize("challenge", ["A" * 43, "A", "!", "ä", text_of(bytes(31))])
    async def test_rejects_wrong_challenge(
        self, owner: Owner, device: Device, challenge: str
    ) -> None:
        endpoint_id = await owner.register(device)
        with refused(StatusCode.INVALID_ARGUMENT, "challenge"):
            await owner.confirm(endpoint_id, challenge)
        assert not (await owner.list()).endpoints[0].confirmed

    async def test_deletes_endpoint_after_ten_wrong_ones(
        self, owner: Owner, device: Device
    ) -> None:
        endpoint_id = await owner.register(device)
        for _ in range(MAX_WRONG_CHALLENGES):
            with refused(StatusCode.INVALID_ARGUMENT, "challenge"):
                await owner.confirm(endpoint_id, "wrong")
        assert (
            await refusal(owner.confirm(endpoint_id, "wrong"))
            == "NOT_FOUND PUSH_ENDPOINT_NOT_FOUND"
        )

    async def test_finds_no_endpoint_of_another_user(
        self, owner: Owner, stranger: Owner, device: Device, database: asyncpg.Connection
    ) -> None:
        endpoint_id = await owner.register(device)
        challenge = text_of(await challenge_of(database, UUID(endpoint_id)))
        for wanted in (endpoint_id, SOME_UUID):
            assert (
                await refusal(stranger.confirm(wanted, challenge))
                == "NOT_FOUND PUSH_ENDPOINT_NOT_FOUND"
            )

    async def test_rejects_malformed_id(self, owner: Owner) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "id"):
            await owner.confirm("x", "A")


class TestListEndpoints:
    async def test_returns_own_endpoints_oldest_first(self, owner: Owner, stranger: Owner) -> None:
        await stranger.register(Device(URL))
        ids = [await owner.register(Device(f"{URL}{number}")) for number in range(3)]
        assert [endpoint.id for endpoint in (await owner.list()).endpoints] == ids

    async def test_returns_key_of_the_server(self, owner: Owner, stranger: Owner) -> None:
        key = (await owner.list()).vapid_public_key
        assert len(bytes_of(key)) == 65
        assert (await stranger.list()).vapid_public_key == key


class TestDeleteEndpoint:
    async def test_deletes(self, owner: Owner, device: Device) -> None:
        endpoint_id = await owner.register(device)
        await owner.delete(endpoint_id)
        assert (await owner.list()).endpoints == []
        assert await refusal(owner.delete(endpoint_id)) == "NOT_FOUND PUSH_ENDPOINT_NOT_FOUND"

    async def test_finds_no_endpoint_of_another_user(
        self, owner: Owner, stranger: Owner, device: Device
    ) -> None:
        endpoint_id = await owner.register(device)
        assert await refusal(stranger.delete(endpoint_id)) == "NOT_FOUND PUSH_ENDPOINT_NOT_FOUND"
        assert len((await owner.list()).endpoints) == 1


@pytest.fixture
async def limited(tmp_path: Path, migrated_database: str) -> AsyncIterator[Client]:
    """Yield the stubs of a worker that uses its defaults, and a key."""
    key = tmp_path / "key.pem"
    key.write_bytes(new_key())
    settings = {"VAPID_PRIVATE_KEY_FILE": str(key), "PUSH_REGISTRATIONS_PER_USER": "6/60s"}
    socket = tmp_path / "worker.sock"
    async with (
        serving(socket, migrated_database, **settings),
        aio.insecure_channel(f"unix:{socket}") as channel,
    ):
        await channel.channel_ready()
        yield Client(channel)


async def status_of(call: Awaitable[object]) -> StatusCode:
    return (await error_of(call)).code()


async def error_of(call: Awaitable[object]) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as raised:
        await call
    return raised.value


PRIVATE = [
    *(URL, "https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://localhost/"),
    *("https://[::ffff:7f00:1]/", "https://169.254.169.254/", "https://127.0.0.1.nip.invalid/"),
]


@pytest.mark.extended
async def test_server_rejects_private_endpoints_and_limits_registrations(limited: Client) -> None:
    owner, other = await owner_of(limited), await owner_of(limited)
    for endpoint in PRIVATE:
        code = await status_of(owner.register(Device(endpoint)))
        assert code == StatusCode.INVALID_ARGUMENT, endpoint
    # Those that had to be resolved were counted.
    code = await status_of(owner.register(Device("https://10.0.0.1/")))
    assert code == StatusCode.RESOURCE_EXHAUSTED
    code = await status_of(other.register(Device("https://10.0.0.1/")))
    assert code == StatusCode.INVALID_ARGUMENT


@pytest.mark.extended
async def test_errors_do_not_tell_whether_a_name_exists(limited: Client) -> None:
    owner = await owner_of(limited)
    hosts = ("127.0.0.1", "nowhere.invalid")
    errors = [await error_of(owner.register(Device(f"https://{host}/"))) for host in hosts]
    private, unknown = ((one.code(), one.details()) for one in errors)
    assert private == unknown


@pytest.mark.extended
async def test_server_without_key_names_the_setting(tmp_path: Path, migrated_database: str) -> None:
    socket = tmp_path / "worker.sock"
    async with (
        serving(socket, migrated_database),
        aio.insecure_channel(f"unix:{socket}") as channel,
    ):
        await channel.channel_ready()
        owner = await owner_of(Client(channel))
        for call in (
            owner.list(),
            owner.register(Device(URL)),
            owner.confirm(SOME_UUID, "A"),
            owner.delete(SOME_UUID),
        ):
            with pytest.raises(aio.AioRpcError, match="VAPID_PRIVATE_KEY_FILE"):
                await call

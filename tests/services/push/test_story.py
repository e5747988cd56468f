"""Web Push from the registration to the push, through Envoy and two workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from uuid import UUID

import asyncpg
import pytest
from grpc import aio
from gymlocker.v2 import push_pb2, user_pb2

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.programs.gateway.authority import Authority
from tests.services.push.device import Device, verified_claims
from tests.services.push.receiver import Push, Receiver, receiving
from tests.services.push.rows import pass_time, row_of
from tests.support.client import Client, User, bearer
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually_true

pytestmark = pytest.mark.extended

SECRET = b"canary of the message"
LOOK = {"inbox": "waiting"}
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def database_url(postgres: TemporaryPostgres) -> str:
    async def create() -> str:
        url = await make_database(postgres, "push_story")
        await migrate(url, None, lambda _: None)
        return url

    return asyncio.run(create())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(authority) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def own_stack(
    database_url: str, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Gymlocker with two workers that trust the push service."""
    with running_stack(
        tmp_path_factory.mktemp("push-stack"),
        workers=2,
        DATABASE_URL=database_url,
        PUSH_ALLOW_PRIVATE="true",
        SSL_CERT_FILE=str(authority.root),
        VAPID_SUBJECT="mailto:ada@example.com",
    ) as stack:
        yield stack


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class Phone:
    """A user's device, with an endpoint of its own."""

    def __init__(self, client: Client, receiver: Receiver, user: User) -> None:
        self.client, self.receiver, self.user = client, receiver, user
        self.path = f"/{user.id}"
        self.device = Device(receiver.origin + self.path)
        self.endpoint_id = ""

    async def register(self) -> None:
        self._metadata = bearer(await self.client.login(self.user))
        response = await self.client.push.RegisterEndpoint(
            self.device.request(), metadata=self._metadata
        )
        self.endpoint_id = response.id

    async def confirm(self) -> None:
        """Wait for the challenge, and send it back."""
        [push] = await self.pushes(1)
        challenge = self.device.read(push.body)
        assert challenge.keys() == {"challenge", "endpointId"}
        assert challenge["endpointId"] == self.endpoint_id
        await self.client.push.ConfirmEndpoint(
            push_pb2.ConfirmEndpointRequest(id=self.endpoint_id, challenge=challenge["challenge"]),
            metadata=self._metadata,
        )

    async def pushes(self, number: int) -> list[Push]:
        """Wait until the device has got so many pushes."""

        async def are_there() -> bool:
            return len(self.receiver.to(self.path)) >= number

        await eventually_true(are_there)
        return list(self.receiver.to(self.path))

    async def get_message(self) -> None:
        await self.client.send(self.user.id, SECRET)


@pytest.fixture
async def client(own_stack: Stack) -> AsyncIterator[Client]:
    async with aio.insecure_channel(own_stack.address) as channel:
        yield Client(channel)


@pytest.fixture
async def phone(client: Client, receiver: Receiver) -> Phone:
    return Phone(client, receiver, await client.new_user())


@pytest.fixture
async def ready(phone: Phone, connection: asyncpg.Connection) -> Phone:
    """Return a confirmed phone whose last push was long ago."""
    await phone.register()
    await phone.confirm()
    await settled(phone, connection)
    await pass_time(connection, MINUTE)
    return phone


async def settled(phone: Phone, connection: asyncpg.Connection) -> None:
    """Wait until the last push is recorded."""

    async def is_recorded() -> bool:
        row = await row_of(connection, UUID(phone.endpoint_id))
        return bool(row and row["due"] is None)

    await eventually_true(is_recorded)


async def test_message_wakes_phone_and_tells_nothing(
    ready: Phone, connection: asyncpg.Connection, receiver: Receiver, own_stack: Stack
) -> None:
    await ready.get_message()
    _, push = await ready.pushes(2)
    assert ready.device.read(push.body) == LOOK
    assert SECRET not in push.body and SECRET not in repr(push.headers).encode()
    claims = verified_claims(push.headers["authorization"], receiver.origin)
    assert claims["sub"] == "mailto:ada@example.com"
    assert push.headers["topic"] == "inbox"
    # The second one within a minute waits.
    await settled(ready, connection)
    await ready.get_message()

    async def is_waiting() -> bool:
        row = await row_of(connection, UUID(ready.endpoint_id))
        return bool(row and row["due"] == row["attempted"] + MINUTE)

    await eventually_true(is_waiting)
    assert len(receiver.to(ready.path)) == 2
    await pass_time(connection, MINUTE)
    assert len(await ready.pushes(3)) == 3
    assert ready.path not in own_stack.logs()


async def test_unconfirmed_endpoint_gets_the_challenge_alone(
    ready: Phone, client: Client, receiver: Receiver, connection: asyncpg.Connection
) -> None:
    other = Phone(client, receiver, await client.new_user())
    await other.register()
    await other.pushes(1)
    await settled(other, connection)
    await pass_time(connection, MINUTE)
    await other.get_message()
    # By then, the message before it has been dealt with.
    await ready.get_message()
    await ready.pushes(2)
    [push] = receiver.to(other.path)
    assert "challenge" in other.device.read(push.body)


@pytest.mark.parametrize("status", [404, 410])
async def test_endpoint_that_is_gone_is_forgotten(
    ready: Phone, connection: asyncpg.Connection, receiver: Receiver, status: int
) -> None:
    receiver.answer(status)
    await ready.get_message()

    async def is_forgotten() -> bool:
        return await row_of(connection, UUID(ready.endpoint_id)) is None

    await eventually_true(is_forgotten)


async def test_busy_push_service_is_left_alone_for_as_long_as_it_says(
    ready: Phone, connection: asyncpg.Connection, receiver: Receiver
) -> None:
    receiver.answer(429, "Retry-After: 7200")
    await ready.get_message()

    async def is_postponed() -> bool:
        row = await row_of(connection, UUID(ready.endpoint_id))
        return bool(row and row["due"] and row["due"] - row["attempted"] >= 120 * MINUTE)

    await eventually_true(is_postponed)
    await ready.get_message()
    await pass_time(connection, 119 * MINUTE)
    assert len(receiver.to(ready.path)) == 2
    await pass_time(connection, MINUTE)
    await ready.pushes(3)


async def test_redirect_is_not_followed(
    ready: Phone, connection: asyncpg.Connection, receiver: Receiver
) -> None:
    receiver.answer(307, f"Location: {receiver.origin}/elsewhere")
    await ready.get_message()

    async def is_given_up() -> bool:
        row = await row_of(connection, UUID(ready.endpoint_id))
        return bool(row and row["failures"] == 1 and row["due"] is None)

    await eventually_true(is_given_up)
    assert receiver.to("/elsewhere") == []


async def test_two_workers_send_each_push_once(
    client: Client, receiver: Receiver, connection: asyncpg.Connection
) -> None:
    phones = [Phone(client, receiver, await client.new_user()) for _ in range(4)]
    await asyncio.gather(*[phone.register() for phone in phones])
    await asyncio.gather(*[phone.confirm() for phone in phones])
    for phone in phones:
        await settled(phone, connection)
    await pass_time(connection, MINUTE)
    # Each worker gets some, and both look for missed ones.
    await asyncio.gather(*[phone.get_message() for phone in phones for _ in range(4)])
    for phone in phones:
        await phone.pushes(2)

    async def is_waiting(phone: Phone) -> bool:
        row = await row_of(connection, UUID(phone.endpoint_id))
        return bool(row and row["pushed"] == row["attempted"])

    for phone in phones:
        await eventually_true(partial(is_waiting, phone))
    assert [len(receiver.to(phone.path)) for phone in phones] == [2] * 4


async def test_deletion_of_user_includes_endpoints(
    ready: Phone, connection: asyncpg.Connection, client: Client
) -> None:
    await client.users.DeleteUser(
        user_pb2.DeleteUserRequest(id=ready.user.id, password=ready.user.password)
    )
    assert await row_of(connection, UUID(ready.endpoint_id)) is None

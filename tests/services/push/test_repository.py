"""EndpointRepository."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import InvalidArgument, NotFound, ResourceExhausted
from server.services.push.due_pushes import DuePushRepository
from server.services.push.model import MAX_ENDPOINTS
from server.services.push.repository import MAX_WRONG_CHALLENGES, EndpointRepository
from server.services.system.repository import SystemRepository
from tests.services.push.device import Device
from tests.services.push.rows import HOUR, challenge_of, confirmed, pass_time, row_of
from tests.support.client import many_users

URL = "https://push.example/abc"


@pytest.fixture
def device() -> Device:
    return Device(URL)


class TestRegister:
    async def test_stores_endpoint_that_is_due_for_its_challenge(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await endpoints.register(user_id, device.subscription)
        row = await row_of(connection, endpoint_id)
        assert row and (row["endpoint"], row["p256dh"], row["auth"]) == (
            URL,
            device.p256dh,
            device.auth,
        )
        assert row["confirmed"] is None and row["due"] == row["challenged"]
        assert len(row["challenge"]) == 32
        [listed] = await endpoints.list(user_id)
        assert (listed.id, listed.endpoint, listed.is_confirmed) == (endpoint_id, URL, False)

    async def test_replaces_keys_of_the_same_endpoint(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await confirmed(connection, endpoints, user_id, device)
        old, new = await challenge_of(connection, endpoint_id), Device(URL)
        assert await endpoints.register(user_id, new.subscription) == endpoint_id
        row = await row_of(connection, endpoint_id)
        assert row and row["p256dh"] == new.p256dh and row["confirmed"] is None
        assert row["challenge"] != old and row["due"] is not None

    async def test_changes_nothing_if_confirmed_with_the_same_keys(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await confirmed(connection, endpoints, user_id, device)
        before = await row_of(connection, endpoint_id)
        assert await endpoints.find_confirmed(user_id, device.subscription) == endpoint_id
        assert await endpoints.register(user_id, device.subscription) == endpoint_id
        assert await row_of(connection, endpoint_id) == before

    async def test_makes_new_challenge_wait_for_a_minute_after_last_push(
        self,
        endpoints: EndpointRepository,
        queue: DuePushRepository,
        user_id: UUID,
        device: Device,
    ) -> None:
        await endpoints.register(user_id, device.subscription)
        [push], _ = await queue.claim(10)
        await queue.succeed(push)
        await endpoints.register(user_id, device.subscription)
        assert await queue.claim(10) == ([], False)

    async def test_keeps_the_same_endpoint_of_two_users_apart(
        self, endpoints: EndpointRepository, connection: asyncpg.Connection, device: Device
    ) -> None:
        one, other = await many_users(connection, 2)
        ids = {await endpoints.register(user, device.subscription) for user in (one, other)}
        assert len(ids) == 2

    async def test_rejects_more_than_ten(
        self, endpoints: EndpointRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        devices = [Device(f"https://push.example/{number}") for number in range(12)]
        results = await asyncio.gather(
            *[endpoints.register(user_id, device.subscription) for device in devices],
            return_exceptions=True,
        )
        refused = [one for one in results if isinstance(one, ResourceExhausted)]
        assert [one.reason for one in refused] == ["QUOTA_EXCEEDED"] * 2
        assert len(await endpoints.list(user_id)) == MAX_ENDPOINTS
        # One that exists may be replaced all the same.
        [kept, *_] = await endpoints.list(user_id)
        assert await endpoints.register(user_id, Device(kept.endpoint).subscription) == kept.id

    async def test_fails_for_unknown_user(
        self, endpoints: EndpointRepository, device: Device
    ) -> None:
        with pytest.raises(NotFound):
            await endpoints.register(uuid4(), device.subscription)

    async def test_is_deleted_with_its_user(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await endpoints.register(user_id, device.subscription)
        await connection.execute("DELETE FROM users WHERE id = $1", user_id)
        assert await row_of(connection, endpoint_id) is None


class TestConfirm:
    @pytest.fixture
    async def endpoint_id(
        self, endpoints: EndpointRepository, user_id: UUID, device: Device
    ) -> UUID:
        return await endpoints.register(user_id, device.subscription)

    async def test_accepts_challenge_also_twice(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        challenge = await challenge_of(connection, endpoint_id)
        await endpoints.confirm(user_id, endpoint_id, challenge)
        before = await row_of(connection, endpoint_id)
        await endpoints.confirm(user_id, endpoint_id, challenge)
        assert before and before["confirmed"]
        assert await row_of(connection, endpoint_id) == before

    @pytest.mark.parametrize("wrong", [b"", bytes(32), bytes(33), None], ids=repr)
    async def test_counts_wrong_challenge(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
        wrong: bytes | None,
    ) -> None:
        with pytest.raises(InvalidArgument):
            await endpoints.confirm(user_id, endpoint_id, wrong)
        row = await row_of(connection, endpoint_id)
        assert row and (row["wrong_challenges"], row["confirmed"]) == (1, None)

    async def test_deletes_endpoint_after_ten_wrong_challenges(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        challenge = await challenge_of(connection, endpoint_id)
        for _ in range(MAX_WRONG_CHALLENGES):
            with pytest.raises(InvalidArgument):
                await endpoints.confirm(user_id, endpoint_id, bytes(32))
        with pytest.raises(NotFound):
            await endpoints.confirm(user_id, endpoint_id, challenge)

    async def test_wrong_challenges_do_not_harm_confirmed_endpoint(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await endpoints.confirm(user_id, endpoint_id, await challenge_of(connection, endpoint_id))
        for _ in range(MAX_WRONG_CHALLENGES + 1):
            with pytest.raises(InvalidArgument):
                await endpoints.confirm(user_id, endpoint_id, bytes(32))
        assert (await endpoints.list(user_id))[0].is_confirmed

    async def test_rejects_challenge_of_the_registration_before(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
        device: Device,
    ) -> None:
        old = await challenge_of(connection, endpoint_id)
        await endpoints.register(user_id, device.subscription)
        with pytest.raises(InvalidArgument):
            await endpoints.confirm(user_id, endpoint_id, old)

    async def test_finds_no_endpoint_of_another_user(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        endpoint_id: UUID,
    ) -> None:
        [stranger] = await many_users(connection, 1)
        challenge = await challenge_of(connection, endpoint_id)
        with pytest.raises(NotFound):
            await endpoints.confirm(stranger, endpoint_id, challenge)
        with pytest.raises(NotFound):
            await endpoints.delete(stranger, endpoint_id)


class TestSweep:
    async def test_deletes_endpoints_that_were_not_confirmed_within_a_day(
        self,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
    ) -> None:
        kept = await confirmed(connection, endpoints, user_id, Device(URL))
        old = await endpoints.register(user_id, Device("https://push.example/old").subscription)
        await pass_time(connection, timedelta(hours=25))
        new = await endpoints.register(user_id, Device("https://push.example/new").subscription)
        await pass_time(connection, 22 * HOUR)
        system = SystemRepository(endpoints._database)
        while await system.sweep(100):
            pass
        assert old not in {kept, new}
        assert {one.id for one in await endpoints.list(user_id)} == {kept, new}

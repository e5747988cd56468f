"""DuePushRepository."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from server.services.push.due_pushes import LEASE, DuePushRepository
from server.services.push.repository import EndpointRepository
from tests.services.push.device import Device
from tests.services.push.rows import (
    HOUR,
    announced,
    claim_none,
    claim_one,
    pass_time,
    put_message,
    row_of,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class TestClaim:
    async def test_returns_challenge_of_unconfirmed_endpoint(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await endpoints.register(user_id, device.subscription)
        push = await claim_one(queue)
        assert (push.user_id, push.endpoint_id) == (user_id, endpoint_id)
        assert push.subscription == device.subscription
        assert push.challenge is not None
        assert await claim_none(queue)

    async def test_ignores_messages_for_unconfirmed_endpoint(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        await endpoints.register(user_id, device.subscription)
        await queue.succeed(await claim_one(queue))
        await pass_time(connection, HOUR)
        await announced(connection, queue, user_id)
        await queue.find_missed(DAY)
        assert await claim_none(queue)

    async def test_returns_announced_push_without_challenge(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        assert await claim_none(queue)
        await announced(connection, queue, user_id)
        push = await claim_one(queue)
        assert push.endpoint_id == endpoint_id
        assert push.challenge is None

    async def test_skips_message_that_was_read_meanwhile(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await connection.execute("DELETE FROM user_inbox_items")
        assert await claim_none(queue)
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] is None and not row["waiting"] and row["attempted"] is None

    async def test_says_that_there_is_more(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        user_id: UUID,
    ) -> None:
        for number in range(3):
            await endpoints.register(user_id, Device(f"https://push.example/{number}").subscription)
        first, has_more = await queue.claim(2)
        assert (len(first), has_more) == (2, True)
        second, has_more = await queue.claim(2)
        assert (len(second), has_more) == (1, False)

    @pytest.mark.usefixtures("endpoint_id")
    async def test_returns_each_push_to_one_of_concurrent_workers(
        self, queue: DuePushRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await announced(connection, queue, user_id)
        found = await asyncio.gather(*[queue.claim(10) for _ in range(4)])
        assert sum(len(pushes) for pushes, _ in found) == 1

    async def test_returns_push_again_when_lease_has_ended(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        lost = await claim_one(queue)
        await pass_time(connection, LEASE)
        again = await claim_one(queue)
        assert again.endpoint_id == endpoint_id
        # The worker that was thought dead no longer decides.
        await queue.forget(lost)
        await queue.succeed(lost)
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] is not None and row["pushed"] is None

    async def test_finds_message_committed_during_last_push(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        push = await claim_one(queue)
        await connection.execute("DELETE FROM user_inbox_items")
        # Stored before the push began, and committed now.
        await put_message(connection, user_id)
        await connection.execute(
            "UPDATE user_inbox_items SET received = $1", push.attempted - timedelta(seconds=3)
        )
        await queue.announce([user_id])
        await queue.succeed(push)
        await pass_time(connection, MINUTE)
        assert (await claim_one(queue)).endpoint_id == endpoint_id


class TestAnnounce:
    async def test_waits_for_a_minute_after_last_push(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        push = await claim_one(queue)
        await queue.succeed(push)
        await announced(connection, queue, user_id)
        assert await claim_none(queue)
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] == push.attempted + MINUTE
        await pass_time(connection, MINUTE)
        await claim_one(queue)

    async def test_is_kept_during_a_push(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        push = await claim_one(queue)
        await announced(connection, queue, user_id)
        await queue.succeed(push)
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] == push.attempted + MINUTE

    async def test_does_not_shorten_pause_after_failure(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.retry(await claim_one(queue), HOUR)
        before = await row_of(connection, endpoint_id)
        await announced(connection, queue, user_id)
        after = await row_of(connection, endpoint_id)
        assert before and after and before["due"] == after["due"]

    async def test_affects_no_other_user(
        self, queue: DuePushRepository, connection: asyncpg.Connection, endpoint_id: UUID
    ) -> None:
        await queue.announce([UUID(int=1)])
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] is None


@pytest.mark.usefixtures("endpoint_id")
class TestFindMissed:
    async def test_finds_message_that_nobody_announced(
        self, queue: DuePushRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await put_message(connection, user_id)
        await queue.find_missed(MINUTE)
        await claim_one(queue)

    async def test_ignores_messages_that_were_pushed(
        self, queue: DuePushRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.succeed(await claim_one(queue))
        await queue.find_missed(DAY)
        await pass_time(connection, HOUR)
        assert await claim_none(queue)

    async def test_ignores_messages_whose_push_was_refused(
        self, queue: DuePushRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.give_up(await claim_one(queue))
        await queue.find_missed(DAY)
        await pass_time(connection, HOUR)
        assert await claim_none(queue)

    async def test_ignores_messages_before_the_period(
        self, queue: DuePushRepository, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await put_message(connection, user_id)
        await pass_time(connection, HOUR)
        await queue.find_missed(MINUTE)
        assert await claim_none(queue)

"""DuePushRepository."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from server.libraries.database.statement import Statement
from server.services.push import due_pushes
from server.services.push.due_pushes import LEASE, MAX_CHALLENGES, DuePushRepository
from server.services.push.model import DuePush
from server.services.push.repository import EndpointRepository
from tests.services.push.device import Device
from tests.services.push.rows import (
    HOUR,
    confirmed,
    pass_time,
    put_message,
    row_of,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def device() -> Device:
    return Device("https://push.example/one")


@pytest.fixture
async def endpoint_id(
    connection: asyncpg.Connection,
    endpoints: EndpointRepository,
    user_id: UUID,
    device: Device,
) -> UUID:
    """Return a confirmed endpoint of the user."""
    return await confirmed(connection, endpoints, user_id, device)


async def claim_one(queue: DuePushRepository) -> DuePush:
    [push], _ = await queue.claim(10)
    return push


async def claim_none(queue: DuePushRepository) -> bool:
    return await queue.claim(10) == ([], False)


async def announced(
    connection: asyncpg.Connection, queue: DuePushRepository, user_id: UUID
) -> None:
    await put_message(connection, user_id)
    await queue.announce([user_id])


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


class TestRetry:
    async def test_makes_push_due_after_pause(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.retry(await claim_one(queue), HOUR)
        await pass_time(connection, HOUR - MINUTE)
        assert await claim_none(queue)
        await pass_time(connection, MINUTE)
        push = await claim_one(queue)
        assert (push.endpoint_id, push.failures) == (endpoint_id, 1)

    async def test_forgets_endpoint_after_five_days_of_failures(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.retry(await claim_one(queue), HOUR)
        await pass_time(connection, 5 * DAY - MINUTE)
        await queue.retry(await claim_one(queue), MINUTE)
        assert await row_of(connection, endpoint_id)
        await pass_time(connection, MINUTE)
        await queue.retry(await claim_one(queue), HOUR)
        assert await row_of(connection, endpoint_id) is None

    async def test_forgets_failures_after_success(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.retry(await claim_one(queue), MINUTE)
        await pass_time(connection, MINUTE)
        await queue.succeed(await claim_one(queue))
        row = await row_of(connection, endpoint_id)
        assert row and (row["failures"], row["failing"]) == (0, None)

    async def test_sends_at_most_three_challenges(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        await endpoints.register(user_id, device.subscription)
        for _ in range(MAX_CHALLENGES):
            await queue.retry(await claim_one(queue), MINUTE)
            await pass_time(connection, HOUR)
        assert await claim_none(queue)
        await endpoints.register(user_id, device.subscription)
        await claim_one(queue)


class TestPostpone:
    async def test_counts_no_failure_and_no_challenge(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        device: Device,
    ) -> None:
        endpoint_id = await endpoints.register(user_id, device.subscription)
        await queue.postpone(await claim_one(queue), MINUTE)
        row = await row_of(connection, endpoint_id)
        assert row and (row["failures"], row["challenges"]) == (0, 0)
        assert await claim_none(queue)
        await pass_time(connection, MINUTE)
        await claim_one(queue)


class TestForget:
    async def test_deletes_endpoint(
        self,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
    ) -> None:
        await announced(connection, queue, user_id)
        await queue.forget(await claim_one(queue))
        assert await row_of(connection, endpoint_id) is None

    async def test_keeps_endpoint_that_was_registered_again(
        self,
        queue: DuePushRepository,
        endpoints: EndpointRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
        device: Device,
    ) -> None:
        await announced(connection, queue, user_id)
        push = await claim_one(queue)
        await endpoints.register(user_id, Device(device.endpoint).subscription)
        await queue.forget(push)
        await queue.succeed(push)
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] is not None and row["confirmed"] is None


class TestPlans:
    """Statements that run every few seconds read an index, however many rows there are."""

    @pytest.mark.parametrize(
        ("statement", "parameters", "index"),
        [
            (due_pushes._CLAIM, {"max_pushes": 10}, "ix_push_endpoints_due"),
            (due_pushes._FIND_MISSED, {"period": MINUTE}, "ix_user_inbox_items_received"),
            (due_pushes._ANNOUNCE, {"user_ids": [UUID(int=1)]}, "pk_push_endpoints"),
        ],
        ids=["claim", "find_missed", "announce"],
    )
    async def test_reads_index(
        self,
        connection: asyncpg.Connection,
        statement: Statement,
        parameters: dict[str, object],
        index: str,
    ) -> None:
        # The tables of tests are small: a scan would be as cheap.
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        query = f"EXPLAIN (COSTS off) {statement.sql}"
        lines = [row[0] for row in await connection.fetch(query, *statement.arguments(parameters))]
        [number, *_] = [number for number, line in enumerate(lines) if index in line]
        assert "Index Cond" in lines[number + 1], lines

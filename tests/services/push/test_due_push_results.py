"""DuePushRepository: results of pushes, and plans of its statements."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from server.libraries.database.statement import Statement
from server.services.push import due_pushes
from server.services.push.due_pushes import MAX_CHALLENGES, DuePushRepository
from server.services.push.repository import EndpointRepository
from tests.services.push.device import Device
from tests.services.push.rows import (
    HOUR,
    announced,
    claim_none,
    claim_one,
    pass_time,
    row_of,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


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

"""The sweeper removes what has expired and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import asyncpg
import pytest

from server.errors import Unavailable
from server.libraries.common.periodic import repeat
from server.libraries.database.migrations import migrate
from server.libraries.database.pool import Database
from server.libraries.limits.network_hash import NetworkHasher
from server.programs.local.temporary_postgres import throwaway_postgres
from server.services.system import cleanup
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.system.sweeps import RATE_LIMIT_SWEEPS, SWEEPS
from tests.libraries.database.postmaster import postmaster_of
from tests.services.system.rows import EXPIRED, VALID, add_each, add_session, add_user, left
from tests.support.waiting import eventually, eventually_true


@pytest.fixture
async def system(pool: Database) -> SystemRepository:
    return SystemRepository(pool)


async def test_exactly_what_has_expired_is_removed(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    for expiry in EXPIRED + VALID:
        await add_each(connection, expiry)
    assert await sweep(system) == 2 * len(EXPIRED)
    assert await left(connection) == sorted(2 * VALID)
    assert await connection.fetchval("SELECT count(*) FROM users") == len(EXPIRED + VALID)
    assert await sweep(system) == 0


async def test_names_of_requests_are_forgotten(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    user_id = await add_user(connection)
    for expiry in ("yesterday", "tomorrow"):
        await connection.execute(
            "INSERT INTO request_keys (user_id, key, contents, answer, expiry)"
            " VALUES ($1, convert_to($2, 'UTF8'), '', '', $2::timestamptz)",
            user_id,
            expiry,
        )
    assert await sweep(system) == 1
    assert await connection.fetchval("SELECT key FROM request_keys") == b"tomorrow"


async def test_a_batch_removes_no_more_than_it_may(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await add_each(connection, "yesterday", number=7)
    assert [await system.sweep(3) for _ in range(4)] == [6, 6, 2, 0]


async def test_a_sweep_goes_on_until_nothing_is_left(
    system: SystemRepository, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "BATCH_ROWS", 2)
    await add_each(connection, "yesterday", number=5)
    await add_each(connection, "tomorrow")
    assert await sweep(system) == 10
    assert await left(connection) == ["tomorrow", "tomorrow"]


async def test_while_one_sweeps_another_does_nothing(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await add_each(connection, "yesterday")
    async with connection.transaction():
        # As the one does that sweeps.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", SWEEPS.lock)
        assert await sweep(system) == 0
    assert await sweep(system) == 2


async def test_sessions_that_have_expired_go_with_their_tokens(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    for expiry in ("yesterday", "tomorrow"):
        await add_session(connection, expiry)
    assert await sweep(system) == 1
    assert await connection.fetchval("SELECT array_agg(hash) FROM refresh_tokens") == [b"tomorrow"]
    assert await connection.fetchval("SELECT count(*) FROM sessions") == 1


async def test_wrong_passwords_that_are_forgiven_are_forgotten(
    pool: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO password_failures VALUES ('old', now()), ('new', now() + interval '1 minute')"
    )
    assert await sweep(SystemRepository(pool, RATE_LIMIT_SWEEPS)) == 1
    assert await connection.fetchval("SELECT array_agg(key) FROM password_failures") == [b"new"]


async def test_quotas_that_nobody_uses_are_forgotten(
    pool: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """
        INSERT INTO rate_limit_consumptions VALUES
            ('old', ARRAY[now() - interval '1 day', now() - interval '2 days']),
            ('empty', '{}'),
            ('used', ARRAY[now() - interval '2 days', now() - interval '23 hours'])
        """
    )
    assert await sweep(SystemRepository(pool, RATE_LIMIT_SWEEPS)) == 2
    assert await connection.fetchval("SELECT array_agg(key) FROM rate_limit_consumptions") == [
        "used"
    ]


async def test_messages_that_nobody_read_for_180_days_are_removed(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    user_id = await add_user(connection)
    times = ("181 days", "179 days", None)
    await connection.executemany(
        "INSERT INTO user_inbox_items (id, user_id, encrypted_message, received)"
        " VALUES (gen_random_uuid(), $1, '{}', now() - $2::text::interval)",
        [(user_id, time) for time in times],
    )
    assert await sweep(system) == 1
    query = "SELECT count(*) FROM user_inbox_items WHERE received > now() - interval '180 days'"
    assert await connection.fetchval(query) == 1
    # When those came that LiftLog stored, nobody knows.
    assert await connection.fetchval("SELECT count(*) FROM user_inbox_items") == 2


async def test_keys_of_networks_go_when_their_day_is_over(
    system: SystemRepository, pool: Database, connection: asyncpg.Connection
) -> None:
    today = await connection.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    day = [today - timedelta(days=1)]
    workers = [NetworkHasher(pool, today=lambda: day[0]) for _ in range(2)]
    yesterday = {await worker.hash("192.0.2.1") for worker in workers}
    assert yesterday == {await worker.hash("192.0.2.200") for worker in workers}
    day[0] = today
    now = {await worker.hash("192.0.2.1") for worker in workers}
    assert (len(yesterday), len(now), yesterday & now) == (1, 1, set())
    assert await sweep(system) == 1
    assert await connection.fetchval("SELECT array_agg(day) FROM network_keys") == [today]
    assert now == {await NetworkHasher(pool, today=lambda: today).hash("192.0.2.1")}


async def test_two_kinds_of_sweeps_do_not_wait_for_each_other(
    pool: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute("INSERT INTO password_failures VALUES ('old', now())")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", SWEEPS.lock)
        assert await sweep(SystemRepository(pool, RATE_LIMIT_SWEEPS)) == 1


async def test_many_at_once_remove_each_row_once(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await add_each(connection, "yesterday", number=20)
    removed = 0
    while await left(connection):
        removed += sum(await asyncio.gather(*(system.sweep(3) for _ in range(4))))
    assert removed == 40


async def test_the_lock_is_free_again_after_a_sweep(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await sweep(system)
    assert await connection.fetchval("SELECT pg_try_advisory_lock($1)", SWEEPS.lock)
    await connection.execute("SELECT pg_advisory_unlock($1)", SWEEPS.lock)


async def test_rows_that_somebody_writes_are_passed_over(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await add_each(connection, "yesterday", number=3)
    async with connection.transaction():
        await connection.execute(
            "UPDATE user_events SET expiry = 'tomorrow', encrypted_event = 'tomorrow'"
            " WHERE id = (SELECT id FROM user_events LIMIT 1)"
        )
        assert await sweep(system) == 5
    assert await left(connection) == ["tomorrow"]


async def test_a_user_who_is_being_deleted_stops_nobody(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    await add_each(connection, "yesterday", number=2)
    async with connection.transaction():
        await connection.execute("DELETE FROM users")
        assert await sweep(system) == 0
    assert await left(connection) == []


@asynccontextmanager
async def sweeping(system: SystemRepository) -> AsyncIterator[asyncio.Task[None]]:
    """A sweeper at work, far more often than in real life."""
    task = asyncio.create_task(repeat(partial(sweep, system), name="sweep", interval_seconds=0.05))
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_it_sweeps_at_once_and_again_and_again(
    system: SystemRepository, connection: asyncpg.Connection
) -> None:
    async def nothing_is_left() -> bool:
        return await left(connection) == []

    async with sweeping(system):
        for _ in range(3):
            await add_each(connection, "yesterday")
            await eventually_true(nothing_is_left)


async def test_it_goes_on_when_the_database_was_away() -> None:
    # What was committed must survive the kill: here, the tables.
    with throwaway_postgres({"synchronous_commit": "on"}) as postgres:
        async with Database(postgres.url(), pool_size=1) as pool:
            system = Counting(SystemRepository(pool))
            await migrate(postgres.url(), None, lambda _: None)
            async with sweeping(system) as task:
                await eventually(lambda: system.done > 0)
                (await postmaster_of(postgres.url())).kill()
                await eventually(lambda: system.failed > 0)
                done = system.done
                await eventually(lambda: system.done > done)
                assert not task.done()


class Counting(SystemRepository):
    """Counts sweeps that were done and that failed."""

    def __init__(self, system: SystemRepository) -> None:
        super().__init__(system._database)
        self.done = self.failed = 0

    async def sweep(self, most: int) -> int:
        try:
            removed = await super().sweep(most)
        except Unavailable:
            self.failed += 1
            raise
        self.done += 1
        return removed

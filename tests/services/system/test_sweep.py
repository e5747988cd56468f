"""Removal of expired rows, and of nothing else."""

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
from server.programs.local.temporary_postgres import temporary_postgres
from server.services.system import cleanup
from server.services.system.cleanup import sweep
from server.services.system.repository import SystemRepository
from server.services.system.retention import RATE_LIMIT_SWEEPS, SWEEPS
from tests.libraries.database.postmaster import postmaster_of
from tests.services.system.rows import EXPIRED, VALID, add_each, add_session, add_user, left
from tests.support.waiting import eventually, eventually_true


@pytest.fixture
async def system(pool: Database) -> SystemRepository:
    return SystemRepository(pool)


@asynccontextmanager
async def sweeping(system: SystemRepository) -> AsyncIterator[asyncio.Task[None]]:
    """Run a periodic sweep, far more often than a worker does."""
    task = asyncio.create_task(repeat(partial(sweep, system), name="sweep", interval_seconds=0.05))
    yield task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class CountingRepository(SystemRepository):
    """Repository that counts successful and failed sweeps."""

    def __init__(self, system: SystemRepository) -> None:
        super().__init__(system._database)
        self.done = self.failed = 0

    async def sweep(self, max_rows: int) -> int:
        try:
            removed = await super().sweep(max_rows)
        except Unavailable:
            self.failed += 1
            raise
        self.done += 1
        return removed


class TestExpiredRows:
    """Rows that one sweep removes."""

    async def test_removes_exactly_the_expired_events_and_items(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        for expiry in EXPIRED + VALID:
            await add_each(connection, expiry)
        assert await sweep(system) == 2 * len(EXPIRED)
        assert await left(connection) == sorted(2 * VALID)
        assert await connection.fetchval("SELECT count(*) FROM users") == len(EXPIRED + VALID)
        assert await sweep(system) == 0

    async def test_removes_expired_request_keys(
        self, system: SystemRepository, connection: asyncpg.Connection
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

    async def test_removes_expired_sessions_with_their_tokens(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        for expiry in ("yesterday", "tomorrow"):
            await add_session(connection, expiry)
        assert await sweep(system) == 1
        assert await connection.fetchval("SELECT array_agg(hash) FROM refresh_tokens") == [
            b"tomorrow"
        ]
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 1

    async def test_removes_expired_invitations(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        for expiry in ("yesterday", "tomorrow"):
            await connection.execute(
                "INSERT INTO invitations VALUES"
                " (convert_to($1, 'UTF8'), now(), $1::text::timestamptz)",
                expiry,
            )
        assert await sweep(system) == 1
        assert await connection.fetchval("SELECT hash FROM invitations") == b"tomorrow"

    async def test_removes_keys_30_days_after_they_expired(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        user_id = await add_user(connection)
        for ago in ("31 days", "29 days", "-1 day", None):
            await connection.execute(
                "INSERT INTO access_keys VALUES ($1, gen_random_uuid(),"
                " convert_to(coalesce($2, ''), 'UTF8'), 'key', '{feed}', now(),"
                " now() - $2::text::interval)",
                user_id,
                ago,
            )
        assert await sweep(system) == 1
        kept = await connection.fetch("SELECT hash FROM access_keys")
        assert {bytes(row[0]) for row in kept} == {b"29 days", b"-1 day", b""}

    async def test_removes_messages_unread_for_180_days(
        self, system: SystemRepository, connection: asyncpg.Connection
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
        # It is unknown when messages of LiftLog's server were received.
        assert await connection.fetchval("SELECT count(*) FROM user_inbox_items") == 2

    async def test_removes_network_keys_of_past_days(
        self, system: SystemRepository, pool: Database, connection: asyncpg.Connection
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


class TestRateLimits:
    async def test_removes_expired_password_failures(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute(
            "INSERT INTO password_failures VALUES"
            " ('old', now()), ('new', now() + interval '1 minute')"
        )
        assert await sweep(SystemRepository(pool, RATE_LIMIT_SWEEPS)) == 1
        assert await connection.fetchval("SELECT array_agg(key) FROM password_failures") == [b"new"]

    async def test_removes_unused_quotas(
        self, pool: Database, connection: asyncpg.Connection
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

    async def test_does_not_wait_for_the_main_sweep(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("INSERT INTO password_failures VALUES ('old', now())")
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SWEEPS.lock)
            assert await sweep(SystemRepository(pool, RATE_LIMIT_SWEEPS)) == 1


class TestBatches:
    async def test_removes_at_most_max_rows(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await add_each(connection, "yesterday", number=7)
        assert [await system.sweep(3) for _ in range(4)] == [6, 6, 2, 0]

    async def test_repeats_until_nothing_is_left(
        self,
        system: SystemRepository,
        connection: asyncpg.Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(cleanup, "BATCH_ROWS", 2)
        await add_each(connection, "yesterday", number=5)
        await add_each(connection, "tomorrow")
        assert await sweep(system) == 10
        assert await left(connection) == ["tomorrow", "tomorrow"]


class TestConcurrency:
    async def test_does_nothing_while_another_worker_sweeps(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await add_each(connection, "yesterday")
        async with connection.transaction():
            # As the other worker does.
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SWEEPS.lock)
            assert await sweep(system) == 0
        assert await sweep(system) == 2

    async def test_concurrent_sweeps_remove_each_row_once(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await add_each(connection, "yesterday", number=20)
        removed = 0
        while await left(connection):
            removed += sum(await asyncio.gather(*(system.sweep(3) for _ in range(4))))
        assert removed == 40

    async def test_releases_the_lock(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await sweep(system)
        assert await connection.fetchval("SELECT pg_try_advisory_lock($1)", SWEEPS.lock)
        await connection.execute("SELECT pg_advisory_unlock($1)", SWEEPS.lock)

    async def test_skips_locked_rows(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await add_each(connection, "yesterday", number=3)
        async with connection.transaction():
            await connection.execute(
                "UPDATE user_events SET expiry = 'tomorrow', encrypted_event = 'tomorrow'"
                " WHERE id = (SELECT id FROM user_events LIMIT 1)"
            )
            assert await sweep(system) == 5
        assert await left(connection) == ["tomorrow"]

    async def test_skips_rows_of_a_user_being_deleted(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        await add_each(connection, "yesterday", number=2)
        async with connection.transaction():
            await connection.execute("DELETE FROM users")
            assert await sweep(system) == 0
        assert await left(connection) == []


class TestPeriodicSweep:
    async def test_sweeps_at_once_and_repeatedly(
        self, system: SystemRepository, connection: asyncpg.Connection
    ) -> None:
        async def nothing_is_left() -> bool:
            return await left(connection) == []

        async with sweeping(system):
            for _ in range(3):
                await add_each(connection, "yesterday")
                await eventually_true(nothing_is_left)

    async def test_survives_an_outage_of_the_database(self) -> None:
        # Committed tables must survive the kill.
        with temporary_postgres({"synchronous_commit": "on"}) as postgres:
            async with Database(postgres.url(), pool_size=1) as pool:
                system = CountingRepository(SystemRepository(pool))
                await migrate(postgres.url(), None, lambda _: None)
                async with sweeping(system) as task:
                    await eventually(lambda: system.done > 0)
                    (await postmaster_of(postgres.url())).kill()
                    await eventually(lambda: system.failed > 0)
                    done = system.done
                    await eventually(lambda: system.done > done)
                    assert not task.done()

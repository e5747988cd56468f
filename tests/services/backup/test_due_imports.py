"""The queue of imports of backups."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.services.backup.due_imports import DueImportRepository

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def add_due(connection: asyncpg.Connection, user_id: UUID, created: datetime = NOON) -> UUID:
    """Add a backup that is to be imported; return its id."""
    backup_id, object_id = uuid4(), uuid4()
    await connection.execute(
        "INSERT INTO backup_objects (id, user_id, sha256, size) VALUES ($1, $2, '', 2)",
        object_id,
        user_id,
    )
    await connection.execute(
        "INSERT INTO backups (user_id, id, created, object_id, import_due) "
        "VALUES ($1, $2, $3, $4, now())",
        user_id,
        backup_id,
        created,
        object_id,
    )
    return backup_id


async def expire_leases(connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE backups SET import_due = now() WHERE import_due IS NOT NULL")


async def claimed_by(imports: DueImportRepository) -> UUID | None:
    """Claim an import; return the id of its backup."""
    due = await imports.claim()
    return due.backup.id if due else None


async def add_user(connection: asyncpg.Connection) -> UUID:
    user_id = uuid4()
    await connection.execute(
        """
        INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, created,
                           encryption_iv, rsa_public_key, import_backups)
        VALUES ($1, $2, '', '', now(), now(), '', '', true)
        """,
        user_id,
        user_id.hex[:12],
    )
    return user_id


@pytest.fixture
def imports(pool: Database) -> DueImportRepository:
    """Return the queue."""
    return DueImportRepository(pool)


@pytest.fixture
async def user_id(connection: asyncpg.Connection) -> UUID:
    """Return a user without backups."""
    return await add_user(connection)


class TestDueImports:
    @pytest.fixture
    async def due(self, connection: asyncpg.Connection, user_id: UUID) -> UUID:
        """Return the user of a backup that is due."""
        await add_due(connection, user_id)
        return user_id

    async def test_is_claimed_once_while_the_lease_lasts(
        self, imports: DueImportRepository, due: UUID, connection: asyncpg.Connection
    ) -> None:
        claimed = await imports.claim()
        assert claimed and (claimed.user_id, claimed.tries) == (due, 1)
        assert await imports.claim() is None

    async def test_is_given_up_after_three_tries(
        self, imports: DueImportRepository, due: UUID, connection: asyncpg.Connection
    ) -> None:
        for tries in (1, 2, 3):
            claimed = await imports.claim()
            assert claimed and claimed.tries == tries
            # As if the worker was killed, and the lease has expired.
            await expire_leases(connection)
        assert await imports.claim() is None

    async def test_postponed_import_is_claimed_again(
        self, imports: DueImportRepository, due: UUID, connection: asyncpg.Connection
    ) -> None:
        claimed = await imports.claim()
        assert claimed
        await imports.postpone(claimed, "BACKUP_STORE_UNAVAILABLE")
        await expire_leases(connection)
        assert await imports.claim() is not None

    async def test_given_up_import_is_not_claimed_again(
        self, imports: DueImportRepository, due: UUID, connection: asyncpg.Connection
    ) -> None:
        claimed = await imports.claim()
        assert claimed
        await imports.give_up(claimed, "INVALID_REQUEST")
        assert await imports.claim() is None
        assert await connection.fetchval("SELECT import_problem FROM backups") == "INVALID_REQUEST"


class TestOrder:
    """Several backups of one user: an older one never overwrites a newer one."""

    async def test_newest_is_claimed_and_ends_older_ones(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        newest = await add_due(connection, user_id)
        await add_due(connection, user_id, NOON - timedelta(days=1))
        claimed = await imports.claim()
        assert claimed and claimed.backup.id == newest
        assert await imports.claim() is None
        await imports.end(claimed)
        assert await imports.claim() is None

    async def test_newer_one_waits_for_the_end_of_another_import(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        older = await add_due(connection, user_id, NOON - timedelta(days=1))
        claimed = await imports.claim()
        assert claimed and claimed.backup.id == older
        newer = await add_due(connection, user_id)
        assert await imports.claim() is None
        await imports.end(claimed)
        assert await claimed_by(imports) == newer

    async def test_newer_one_does_not_wait_for_a_postponed_one(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        older = await add_due(connection, user_id, NOON - timedelta(days=1))
        postponed = await imports.claim()
        assert postponed and postponed.backup.id == older
        await imports.postpone(postponed, "BACKUP_STORE_UNAVAILABLE")
        newer = await add_due(connection, user_id)
        assert await claimed_by(imports) == newer
        await connection.execute("UPDATE backups SET import_due = now() WHERE id = $1", older)
        assert await imports.claim() is None

    async def test_newer_one_is_claimed_when_a_lease_has_expired(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        await add_due(connection, user_id, NOON - timedelta(days=1))
        await imports.claim()
        newer = await add_due(connection, user_id)
        await expire_leases(connection)
        assert await claimed_by(imports) == newer

    async def test_older_one_is_claimed_when_the_newest_is_given_up(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        await add_due(connection, user_id)
        older = await add_due(connection, user_id, NOON - timedelta(days=1))
        claimed = await imports.claim()
        assert claimed
        await imports.give_up(claimed, "INVALID_REQUEST")
        assert await claimed_by(imports) == older

    async def test_backups_of_others_are_claimed_meanwhile(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        await add_due(connection, user_id)
        other_id = await add_user(connection)
        assert await claimed_by(imports) is not None
        theirs = await add_due(connection, other_id)
        assert await claimed_by(imports) == theirs

    async def test_concurrent_claims_get_one_backup(
        self, imports: DueImportRepository, user_id: UUID, connection: asyncpg.Connection
    ) -> None:
        newest = await add_due(connection, user_id)
        for days in range(1, 4):
            await add_due(connection, user_id, NOON - timedelta(days=days))
        claims = await asyncio.gather(*(claimed_by(imports) for _ in range(8)))
        assert [each for each in claims if each] == [newest]

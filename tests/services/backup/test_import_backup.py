"""Imports of backups into the training log: on request, and in the background."""

from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, workout_pb2

from tests.services.backup.contents import new_contents
from tests.services.backup.owners import Owner
from tests.services.workout.formats.reading import CASES
from tests.support.client import Client, refused
from tests.support.waiting import eventually_true

APP = (CASES / "app-september-2026.liftlogbackup.gz").read_bytes()


async def workouts_of(owner: Owner, client: Client) -> list[workout_pb2.Workout]:
    """Return the training log."""
    request = workout_pb2.ListWorkoutsRequest(page_size=100)
    response = await client.workouts.ListWorkouts(request, metadata=owner.credentials)
    return list(response.workouts)


async def enable_imports(owner: Owner, client: Client) -> None:
    request = auth_pb2.UpdateAccountRequest(import_backups=True)
    await client.accounts.UpdateAccount(request, metadata=owner.credentials)


async def import_of(backup_id: str, database: asyncpg.Connection) -> tuple[object, ...]:
    """Return whether an import is due, how often it was tried, and the problem."""
    query = "SELECT import_due IS NOT NULL, import_tries, import_problem FROM backups WHERE id = $1"
    row = await database.fetchrow(query, UUID(backup_id))
    return tuple(row or ())


@pytest.fixture
def client(channel: aio.Channel) -> Client:
    """Return the stubs of the other services."""
    return Client(channel)


class TestImportBackup:
    async def test_adds_what_the_file_would_add(
        self, owner: Owner, other: Owner, client: Client, rest: httpx2.AsyncClient
    ) -> None:
        backup = await owner.upload(APP)
        response = await owner.load(backup.id, time_zone="Australia/Melbourne")
        assert response.added > 0
        headers = dict(other.credentials)
        query = {"timeZone": "Australia/Melbourne"}
        file = await rest.post("/workouts/import", content=APP, headers=headers, params=query)
        assert file.json()["added"] == response.added
        mine, theirs = await workouts_of(owner, client), await workouts_of(other, client)
        assert [(one.date, one.type) for one in mine] == [(one.date, one.type) for one in theirs]
        again = await owner.load(backup.id, time_zone="Australia/Melbourne")
        assert (again.added, again.existing) == (0, response.added)

    async def test_dry_run_changes_nothing(self, owner: Owner, client: Client) -> None:
        backup = await owner.upload(APP)
        assert (await owner.load(backup.id, dry_run=True)).added > 0
        assert await workouts_of(owner, client) == []

    async def test_rejects_unreadable_backup(self, owner: Owner) -> None:
        backup = await owner.upload(new_contents())
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await owner.load(backup.id)

    async def test_rejects_unknown_time_zone(self, owner: Owner) -> None:
        backup = await owner.upload(APP)
        with refused(StatusCode.INVALID_ARGUMENT, "time_zone"):
            await owner.load(backup.id, time_zone="Mars/Olympus")

    async def test_of_others_is_not_found(self, owner: Owner, other: Owner) -> None:
        backup = await other.upload(APP)
        for backup_id in (backup.id, str(uuid4())):
            with refused(StatusCode.NOT_FOUND):
                await owner.load(backup_id)


class TestBackgroundImport:
    async def test_is_off_unless_asked_for(
        self, owner: Owner, client: Client, database: asyncpg.Connection
    ) -> None:
        backup = await owner.upload(APP)
        assert await import_of(backup.id, database) == (False, 0, None)
        assert await workouts_of(owner, client) == []

    async def test_imports_each_backup_that_arrives(
        self, owner: Owner, client: Client, database: asyncpg.Connection
    ) -> None:
        await enable_imports(owner, client)

        async def has_workouts() -> bool:
            return bool(await workouts_of(owner, client))

        backup = await owner.upload(APP)
        await eventually_true(has_workouts)
        assert {one.source for one in await workouts_of(owner, client)} == {"liftlog"}

        async def is_done() -> bool:
            return await import_of(backup.id, database) == (False, 1, None)

        await eventually_true(is_done)

    async def test_unreadable_backup_is_tried_once(
        self, owner: Owner, client: Client, database: asyncpg.Connection
    ) -> None:
        await enable_imports(owner, client)
        backup = await owner.upload(new_contents())

        async def is_given_up() -> bool:
            return await import_of(backup.id, database) == (False, 1, "INVALID_REQUEST")

        await eventually_true(is_given_up)
        assert [one.id for one in await owner.all()] == [backup.id]

"""SQL of imports: storing many workouts at once, and those that changed."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select

from server.errors import no_such_user
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import workouts
from server.libraries.database.statement import Statement
from server.services.workout.digest import digest_of, digest_of_exercises
from server.services.workout.formats.model import ReadWorkout
from server.services.workout.model import StoredWorkout, Workout
from server.services.workout.prose import without_prose
from server.services.workout.repository import require_room
from server.services.workout.rows import COLUMNS, stored_workout
from server.services.workout.store_statement import (
    REMOVE_EXERCISES,
    STORE_MANY,
    NewWorkout,
    arguments,
)

# Of a statement. Its arguments are built on the event loop: in 25 ms for this many sets.
MAX_BATCH_WORKOUTS = 2_000
MAX_BATCH_SETS = 2_500
# Timeout of the whole transaction.
IMPORT_SECONDS = 60.0
_MICROSECOND = dt.timedelta(microseconds=1)

# Other writers of this user wait for it.
_BEGIN = Statement(
    select(
        func.next_workout_revision(bindparam("owner_id", type_=Uuid)).label("revision"),
        func.clock_timestamp().label("now"),
    )
)
_by_ids = (
    workouts.c.user_id == bindparam("owner_id"),
    workouts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
)
_GET_KNOWN = Statement(select(workouts.c.id).where(*_by_ids))
_GET_EXISTING = Statement(select(*COLUMNS, workouts.c.imported_digest).where(*_by_ids))


@dataclass(slots=True)
class ImportResult:
    """The numbers of workouts of a file that were added, updated, or stay as they are."""

    added: int = 0
    updated: int = 0
    existing: int = 0
    edited_here: int = 0


@dataclass(frozen=True, slots=True)
class _Existing:
    """A stored workout, and the digest of its last import; None if there was none, or before."""

    stored: StoredWorkout
    imported_digest: bytes | None


class ImportRepository:
    """Repository of imports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(
        self, owner_id: UUID, read: Sequence[ReadWorkout], *, keep_existing: bool
    ) -> ImportResult:
        """Add the new workouts of a file and update the changed ones, all or none.

        Raises ResourceExhausted if the owner would have more than they may store, NotFound if there
        is no such user.
        """

        async def action(connection: Connection) -> ImportResult:
            result = ImportResult()
            ((revision, now),) = await connection.fetch(_BEGIN.sql, owner_id)
            if revision is None:
                raise no_such_user()
            known = await _known_ids(connection, owner_id, read)
            writer = _Writer(connection, owner_id, revision)
            try:
                for start, batch in _batches(read):
                    existing = await writer.existing(known, batch)
                    # Workouts of a file keep their order among those of the same date.
                    times = [now + (start + number) * _MICROSECOND for number in range(len(batch))]
                    new = _merge(batch, times, existing, result, keep_existing=keep_existing)
                    await writer.write(new, replaces=bool(existing))
                await writer.finish()
            finally:
                await writer.stop()
            if result.added or result.updated:
                await require_room(connection, owner_id)
            return result

        return await self._database.transact(action, seconds=IMPORT_SECONDS)

    async def preview(
        self, owner_id: UUID, read: Sequence[ReadWorkout], *, keep_existing: bool
    ) -> ImportResult:
        """Return the result that `store` would have, without changing anything."""
        result = ImportResult()
        for _, batch in _batches(read):
            ids = [each.workout.id for each in batch]
            rows = await self._database.fetch(_GET_EXISTING, owner_id=owner_id, ids=ids)
            times = [dt.datetime.now(dt.UTC)] * len(batch)
            _merge(batch, times, _by_id(rows), result, keep_existing=keep_existing)
        return result


def _batches(read: Sequence[ReadWorkout]) -> Iterator[tuple[int, Sequence[ReadWorkout]]]:
    """Yield the position of each batch, and the batch."""
    start = sets = 0
    for end, each in enumerate(read):
        more = each.workout.set_count
        if end > start and (end - start == MAX_BATCH_WORKOUTS or sets + more > MAX_BATCH_SETS):
            yield start, read[start:end]
            start, sets = end, 0
        sets += more
    if read:
        yield start, read[start:]


class _Writer:
    """A writer of batches: PostgreSQL stores one while the next is prepared."""

    def __init__(self, connection: Connection, owner_id: UUID, revision: int) -> None:
        self._connection = connection
        self._owner_id = owner_id
        self._revision = revision
        self._writing: asyncio.Task[None] | None = None

    async def existing(
        self, known: frozenset[UUID], batch: Sequence[ReadWorkout]
    ) -> dict[UUID, _Existing]:
        """Return the stored workouts of a batch, by id."""
        ids = [each.workout.id for each in batch if each.workout.id in known]
        if not ids:
            return {}
        await self.finish()
        parameters = {"owner_id": self._owner_id, "ids": ids}
        arguments_ = _GET_EXISTING.arguments(parameters)
        return _by_id(await self._connection.fetch(_GET_EXISTING.sql, *arguments_))

    async def write(self, new: Sequence[NewWorkout], *, replaces: bool) -> None:
        """Begin to store a batch, when the one before is stored."""
        if new:
            parameters = arguments(self._owner_id, new) | {"revision": self._revision}
            await self.finish()
            self._writing = asyncio.create_task(self._store(parameters, replaces=replaces))
            # Lets the task send the batch.
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Wait until the last batch is stored."""
        if self._writing:
            writing, self._writing = self._writing, None
            await writing

    async def stop(self) -> None:
        """Cancel a batch that is being stored, after an error elsewhere."""
        if self._writing:
            self._writing.cancel()
            await asyncio.wait([self._writing])

    async def _store(self, parameters: dict[str, Any], *, replaces: bool) -> None:
        if replaces:
            sql = REMOVE_EXERCISES.sql
            await self._connection.execute(sql, *REMOVE_EXERCISES.arguments(parameters))
        await self._connection.execute(STORE_MANY.sql, *STORE_MANY.arguments(parameters))


async def _known_ids(
    connection: Connection, owner_id: UUID, read: Sequence[ReadWorkout]
) -> frozenset[UUID]:
    """Return the ids of a file that are in use."""
    ids = [each.workout.id for each in read]
    parameters = {"owner_id": owner_id, "ids": ids}
    rows = await connection.fetch(_GET_KNOWN.sql, *_GET_KNOWN.arguments(parameters))
    return frozenset(row["id"] for row in rows)


def _by_id(rows: Sequence[asyncpg.Record]) -> dict[UUID, _Existing]:
    return {row["id"]: _Existing(stored_workout(row), row["imported_digest"]) for row in rows}


def _merge(
    batch: Sequence[ReadWorkout],
    times: Sequence[dt.datetime],
    existing: dict[UUID, _Existing],
    result: ImportResult,
    *,
    keep_existing: bool,
) -> list[NewWorkout]:
    """Return the workouts to store, and count all in `result`."""
    new = []
    for read, time in zip(batch, times, strict=True):
        workout = read.workout
        digest = digest_of(workout, digest_of_exercises(workout.exercises))
        old = existing.get(workout.id)
        if old is None:
            new.append(NewWorkout(workout, read.source, read.created or time, digest))
            result.added += 1
        elif old.stored.digest == digest or keep_existing:
            result.existing += 1
        elif old.imported_digest == old.stored.digest:
            source = old.stored.source or read.source
            new.append(NewWorkout(workout, source, old.stored.created, digest))
            result.updated += 1
        elif _is_without_exercises(old) and workout.exercises and not _is_own(read):
            merged = _with_exercises(old.stored.workout, workout)
            new.append(NewWorkout(merged, read.source, old.stored.created, digest))
            result.updated += 1
        else:
            result.edited_here += 1
    return new


def _is_without_exercises(old: _Existing) -> bool:
    """Check whether an earlier release imported the workout, with its sets as prose."""
    return old.imported_digest is None and not old.stored.exercise_count


def _is_own(read: ReadWorkout) -> bool:
    return read.source in ("", "gymlocker")


def _with_exercises(old: Workout, read: Workout) -> Workout:
    """Return the old workout with the exercises of the file. What a person edited stays."""
    notes = without_prose(old.notes, read.exercises)
    if (old.date, old.duration) == (read.date, read.duration) and _is_part(old, notes, read):
        return read
    return replace(
        old,
        notes=notes,
        start_time=old.start_time or read.start_time,
        exercises=read.exercises,
    )


def _is_part(old: Workout, notes: str, read: Workout) -> bool:
    """Check whether the type and the notes are those of the file, or of a shorter one.

    The type of an unnamed workout is a list of categories, which grows with the file.
    """
    is_part_of_type = read.type == old.type or read.type.startswith(f"{old.type}, ")
    return is_part_of_type and set(filter(None, notes.split("\n"))) <= set(read.notes.split("\n"))

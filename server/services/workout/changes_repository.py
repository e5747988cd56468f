"""SQL of changes: workouts and deletions in the order of their commits.

See docs/decisions/0019-training-log.md for why revisions and not times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    Uuid,
    and_,
    bindparam,
    false,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)

from server.errors import OutOfRange
from server.libraries.common.cooperation import convert
from server.libraries.database.pool import Database
from server.libraries.database.schema import workout_clocks, workout_deletions, workouts
from server.libraries.database.statement import Statement
from server.services.workout.model import StoredWorkout
from server.services.workout.page_statements import numbered
from server.services.workout.rows import COLUMNS, EXERCISES, SIZE, stored_workout

_DELETION_BYTES = 50
_FIRST_ID = UUID(int=0)


@dataclass(frozen=True, order=True, slots=True)
class Cursor:
    """A position in the changes of a user: everything up to it is known.

    `began` is the newest revision when the reader began from the start. Until the position passes
    it, deletions after it are those that the reader has to learn about.
    """

    # Before revision 0, which workouts from before revisions have.
    revision: int = -1
    id: UUID = _FIRST_ID
    began: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes after a cursor: workouts, and the ids of deleted ones.

    `is_cut` is true if the page ended because of its size.
    """

    changes: list[StoredWorkout | UUID]
    next: Cursor
    has_more: bool
    is_cut: bool


def _in_order(columns: Any) -> Sequence[ColumnElement[Any]]:
    return (columns.revision, columns.id)


def _after(table: Any, is_deletion: Any, size: Any) -> "Select[Any]":
    position = tuple_(table.c.revision, table.c.id)
    cursor = tuple_(bindparam("revision", type_=BigInteger), bindparam("id", type_=Uuid))
    return (
        select(table.c.id, table.c.revision, is_deletion.label("is_deletion"), size.label("bytes"))
        .where(table.c.user_id == bindparam("owner_id"), position > cursor)
        .order_by(*_in_order(table.c))
        .limit(bindparam("limit"))
    )


def _get() -> Statement:
    found: CompoundSelect[Any] = union_all(
        _after(workouts, false(), SIZE).subquery().select(),
        _after(workout_deletions, true(), literal(_DELETION_BYTES)).subquery().select(),
    )
    rows = found.subquery("found")
    page = select(rows).order_by(*_in_order(rows.c)).limit(bindparam("limit"))
    changed, fits = numbered(page, _in_order, "changed")
    clock = (
        select(workout_clocks.c.revision, workout_clocks.c.pruned)
        .where(workout_clocks.c.user_id == bindparam("owner_id"))
        .subquery("clock")
    )
    one = select(literal(1)).subquery("one")
    is_workout = and_(
        workouts.c.user_id == bindparam("owner_id"),
        workouts.c.id == changed.c.id,
        ~changed.c.is_deletion,
    )
    return Statement(
        select(
            func.coalesce(clock.c.revision, 0).label("newest"),
            func.coalesce(clock.c.pruned, 0).label("pruned"),
            changed.c.found,
            changed.c.is_deletion,
            changed.c.id.label("changed_id"),
            changed.c.revision.label("changed_at"),
            *COLUMNS,
            EXERCISES,
        )
        # One row at least: the clock counts even if there are no changes.
        .select_from(
            one.outerjoin(clock, true()).outerjoin(changed, fits).outerjoin(workouts, is_workout)
        )
        .order_by(changed.c.number)
    )


_GET = _get()


class ChangesRepository:
    """Repository of changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(
        self, owner_id: UUID, cursor: Cursor | None, limit: int, max_bytes: int
    ) -> Changes:
        """Return up to `limit` changes of the owner's workouts after `cursor`; None is the start.

        The page ends before it exceeds `max_bytes`, unless its first workout does.
        Raises OutOfRange if deletions after the cursor are no longer recorded, or the cursor is
        from a later state of the database.
        """
        start = cursor or Cursor()
        rows = await self._database.fetch(
            _GET,
            owner_id=owner_id,
            revision=start.revision,
            id=start.id,
            limit=limit + 1,
            max_bytes=max_bytes,
        )
        newest, pruned = rows[0]["newest"], rows[0]["pruned"]
        if cursor and not pruned <= max(cursor.revision, cursor.began) <= newest:
            raise OutOfRange(
                "The cursor is too old. Drop all workouts, and begin without a cursor.",
                reason="CURSOR_EXPIRED",
            )
        found = rows[0]["found"] or 0
        page = rows[: min(limit, found)]
        began = cursor.began if cursor else newest
        next_ = Cursor(page[-1]["changed_at"], page[-1]["changed_id"], began) if page else start
        return Changes(
            await convert(page, _change, weight=lambda row: row["set_count"] or 0),
            next_ if page or cursor else Cursor(began=began),
            has_more=found > len(page),
            is_cut=len(page) < min(found, limit),
        )


def _change(row: asyncpg.Record) -> StoredWorkout | UUID:
    deleted: UUID = row["changed_id"]
    return deleted if row["is_deletion"] else stored_workout(row)

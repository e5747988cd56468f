"""Transfer of LiftLog's rows from SQLite into PostgreSQL, in one transaction.

Users who are in the database already, with the same password, are left as they are, and so is
everything of theirs: what they have deleted or read does not come back.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Table, Text, Uuid, any_, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from server.errors import StartError
from server.libraries.database.connect import connect
from server.libraries.database.migration_engine import CONNECT_SECONDS
from server.libraries.database.migrations import ADVISORY_LOCK
from server.libraries.database.schema import milestones, user_event_clocks, user_events, users
from server.libraries.database.sqlite.liftlog import IDENTITY, TABLES, USERS, LiftLogFile, Row
from server.libraries.database.statement import Statement

Report = Callable[[str], None]

_BATCH = 1_000
_PROGRESS_ROWS = 20_000
_NAMES = {
    "users": "user",
    "user_events": "event",
    "user_follow_secrets": "follow secret",
    "user_inbox_items": "inbox message",
    "shared_items": "shared item",
}
_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

# A statement that waits inside PostgreSQL would block CREATE INDEX CONCURRENTLY of a migration.
_LOCK = Statement(select(func.pg_try_advisory_xact_lock(ADVISORY_LOCK)))
_FIND = Statement(
    select(*(users.c[name] for name in IDENTITY)).where(
        or_(
            users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
            users.c.user_lookup == any_(bindparam("lookups", type_=ARRAY(Text))),
        )
    )
)
# Later events get later timestamps. Infinity would stop a clock forever.
_SET_CLOCKS = Statement(
    insert(user_event_clocks).from_select(
        ["user_id", "timestamp"],
        select(user_events.c.user_id, func.max(user_events.c.timestamp))
        .where(
            user_events.c.user_id == any_(bindparam("ids", type_=ARRAY(Uuid))),
            func.isfinite(user_events.c.timestamp),
        )
        .group_by(user_events.c.user_id),
    )
)
# LiftLog's server records activity for some requests only. So nobody counts as unused until this
# server has recorded activity for long enough: see services/system/retention.py.
_RESTART_RECORDING = Statement(
    update(milestones).where(milestones.c.name == "bounds").values(time=func.now())
)


@dataclass
class Transferred:
    """Numbers of rows by table: brought in, and left out because their user was there already."""

    brought: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)

    def sentences(self) -> Iterator[str]:
        """Yield sentences for people."""
        yield f"Brought in: {_listed(self.brought)}."
        if self.left["users"]:
            yield f"Already in the database and left as they are: {_listed(self.left)}."


async def transfer(source: LiftLogFile, url: str, report: Report) -> Transferred:
    """Bring all rows of `source` into the database at `url`, which is up to date.

    `report` gets lines of progress. Raises StartError, with nothing changed, if the database has a
    user or a row with other contents, or if it fails.
    """
    try:
        connection = await connect(url, timeout=CONNECT_SECONDS)
        try:
            async with connection.transaction():
                return await _transfer(source, connection, report)
        finally:
            # What was committed stays, however the connection ends.
            with suppress(*_ERRORS):
                await connection.close(timeout=CONNECT_SECONDS)
    except asyncpg.UniqueViolationError as error:
        raise StartError(
            f"A row of {error.table_name} is in the database already, under another user, or in "
            f"the file twice: {error.detail} Nothing was brought in. Delete one of the two, then "
            "try again."
        ) from error
    except _ERRORS as error:
        raise StartError(
            f"The database failed: {error or 'no answer'}. Fix that and run this again: it brings "
            "in everything or nothing, and nothing twice."
        ) from error


async def _transfer(
    source: LiftLogFile, connection: asyncpg.Connection, report: Report
) -> Transferred:
    if not await connection.fetchval(_LOCK.sql, *_LOCK.arguments({})):
        raise StartError("Another process is migrating this database. Try again when it is done.")
    new = await _new_users(source, connection)
    done = Transferred()
    for table in TABLES:
        await connection.copy_records_to_table(
            table.name,
            columns=[column.name for column in table.columns],
            records=_records(source, table, new, done, report),
        )
    if new:
        await connection.execute(_SET_CLOCKS.sql, *_SET_CLOCKS.arguments({"ids": list(new)}))
        await connection.execute(_RESTART_RECORDING.sql, *_RESTART_RECORDING.arguments({}))
    source.require_unchanged()
    return done


async def _new_users(source: LiftLogFile, connection: asyncpg.Connection) -> set[UUID]:
    """Return the users of the file who are not in the database.

    Raises StartError if a user in the database has the same id or lookup, but another identity.
    """
    new: set[UUID] = set()
    rows = source.rows(USERS, IDENTITY)
    while batch := list(islice(rows, _BATCH)):
        parameters = {"ids": [row[0] for row in batch], "lookups": [row[1] for row in batch]}
        found = await connection.fetch(_FIND.sql, *_FIND.arguments(parameters))
        by_id = {row["id"]: tuple(row) for row in found}
        by_lookup = {row["user_lookup"]: tuple(row) for row in found}
        for row in batch:
            here = by_id.get(row[0]) or by_lookup.get(row[1])
            if here is None:
                new.add(row[0])
            elif here != row:
                raise _conflict(row, here)
    return new


def _conflict(row: Row, here: Row) -> StartError:
    differing = {name for name, one, other in zip(IDENTITY, row, here, strict=True) if one != other}
    if "id" in differing:
        problem = f"User {row[0]} has the lookup of another user in the database, {here[0]}"
    else:
        other = "lookup" if "user_lookup" in differing else "password"
        problem = f"User {row[0]} is in the database already, with another {other}"
    return StartError(
        f"{problem}. Nothing was brought in. Delete this user in the database or in the file, or "
        "use another database, then try again."
    )


async def _records(
    source: LiftLogFile, table: Table, new: set[UUID], done: Transferred, report: Report
) -> AsyncIterator[Row]:
    """Yield the rows of new users, and count all."""
    owner = list(table.columns.keys()).index("id" if table is USERS else "user_id")
    for count, row in enumerate(source.rows(table), 1):
        if row[owner] in new:
            done.brought[table.name] += 1
            yield row
        else:
            done.left[table.name] += 1
        if count % _PROGRESS_ROWS == 0:
            report(f"read {count:,} rows of {table.name}")
        if count % _BATCH == 0:
            # Ctrl-C is noticed here.
            await asyncio.sleep(0)


def _listed(counts: Counter[str]) -> str:
    *first, last = (
        f"{(count := counts[table]):,} {name}{'' if count == 1 else 's'}"
        for table, name in _NAMES.items()
    )
    return f"{', '.join(first)} and {last}"

"""The identity of the database, which tells a restored or replaced one from the one before.

Cursors contain it. A restored database may lack what a client has already read, and then continues
differently. The identity consists of one that is stored and of those of PostgreSQL: the cluster,
its timeline, which changes when a standby takes over or an archive is recovered, the table, which a
restored dump creates anew, and the time of a file that PostgreSQL never changes, which tells a copy
of the files that was put back. Only superusers and the like can read that time, as under
`gymlocker up`. A snapshot of a disk is not recognized: see docs/backup-and-restore.md.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, literal, literal_column, select, text

from server.errors import Unavailable
from server.libraries.database.pool import Database
from server.libraries.database.schema import incarnations
from server.libraries.database.statement import Statement

ID_BYTES = 8
# A client that was answered with an identity this old gets the right one with the next answer.
MAX_AGE_SECONDS = 1.0

_timeline: ColumnElement[str] = func.left(func.pg_walfile_name(func.pg_current_wal_insert_lsn()), 8)
_system: ColumnElement[str] = (
    select(literal_column("system_identifier::text"))
    .select_from(text("pg_control_system()"))
    .scalar_subquery()
)
_table: ColumnElement[str] = literal_column("'user_event_deletions'::regclass::oid::text")
# Also changed by another owner or other permissions; then clients read everything again.
_files: ColumnElement[str] = (
    select(literal_column("extract(epoch FROM change)::bigint::text"))
    .select_from(text("pg_stat_file('PG_VERSION')"))
    .scalar_subquery()
)
_MAY_READ_FILES = Statement(
    select(func.has_function_privilege("pg_stat_file(text)", "EXECUTE").label("may_read"))
)


def _get(files: ColumnElement[str]) -> Statement:
    return Statement(
        select(
            incarnations.c.id,
            incarnations.c.cursor_key,
            _timeline.label("timeline"),
            _system.label("system"),
            _table.label("table"),
            files.label("files"),
        )
    )


_GET, _GET_WITHOUT_FILES = _get(_files), _get(literal(""))


@dataclass(frozen=True, slots=True)
class Incarnation:
    """The identity of a database in 8 bytes, and its key that authenticates cursors."""

    id: bytes
    key: bytes


class IncarnationSource:
    """Reader of the identity, which is kept in memory for a second."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._found: Incarnation | None = None
        self._read = 0.0
        self._get: Statement | None = None
        self._reading: asyncio.Task[Incarnation] | None = None

    async def get(self) -> Incarnation:
        """Return the identity. Raises Unavailable if the database is unreachable."""
        if self._found is not None and self._clock() - self._read <= MAX_AGE_SECONDS:
            return self._found
        if self._reading is None:
            # Without a caller, since it is for all of them: it waits in no caller's turn.
            self._reading = asyncio.create_task(self._fetch(), context=Context())
            self._reading.add_done_callback(self._keep)
        # All who wait share an error, too. One that is cancelled does not end it for the others.
        return await asyncio.shield(self._reading)

    def _keep(self, reading: asyncio.Task[Incarnation]) -> None:
        self._reading = None
        if not reading.cancelled() and reading.exception() is None:
            self._found = reading.result()
            self._read = self._clock()

    async def _fetch(self) -> Incarnation:
        if self._get is None:
            answer = await self._database.fetch_one(_MAY_READ_FILES)
            self._get = _GET if answer and answer["may_read"] else _GET_WITHOUT_FILES
        row = await self._database.fetch_one(self._get)
        if row is None:
            raise no_incarnation()
        names = ("id", "system", "timeline", "table", "files")
        identity = ":".join(str(row[name]) for name in names)
        return Incarnation(hashlib.sha256(identity.encode()).digest()[:ID_BYTES], row["cursor_key"])


def no_incarnation() -> Unavailable:
    """Return the error for a database without an identity, as there is none during a restore."""
    return Unavailable(
        "The table `incarnations` is empty. Unless a restore is in progress, restore again.",
        reason="DATABASE_UNAVAILABLE",
    )

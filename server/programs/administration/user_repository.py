"""The repository of the operator: all users, and changes to one of them."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    Table,
    bindparam,
    case,
    delete,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import (
    access_keys,
    backups,
    identities,
    sessions,
    user_events,
    users,
    workouts,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import representable
from server.services.credentials.password_hashing import HashedPassword

# It counts the rows of large tables.
LIST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user as the operator sees them.

    `last_seen` is exact to the day. `identities` are `default` and `forwarded:NAME`. `has_login` is
    false for those that are not linked to an account.
    """

    id: UUID
    lookup: str
    username: str | None
    created: dt.datetime
    last_seen: dt.datetime
    disabled: dt.datetime | None
    has_login: bool
    identities: list[str]
    events: int
    workouts: int
    backups: int

    @property
    def name(self) -> str:
        """Return the best name for messages."""
        return self.username or next(iter(self.identities), self.lookup)


def _counted(table: Table) -> Subquery:
    rows = select(table.c.user_id, func.count().label("rows")).group_by(table.c.user_id)
    return rows.subquery(f"counted_{table.name}")


def named_identities() -> Subquery:
    """Return the names of each user's identities: `default` and `forwarded:NAME`."""
    name = case((identities.c.kind == "default", "default"), else_="forwarded:" + identities.c.name)
    names = func.array_agg(aggregate_order_by(name, name)).label("names")
    return select(identities.c.user_id, names).group_by(identities.c.user_id).subquery("named")


def _list() -> Select[*tuple[object, ...]]:
    named = named_identities()
    counted = {table.name: _counted(table) for table in (user_events, workouts, backups)}
    source = users.outerjoin(named, named.c.user_id == users.c.id)
    for each in counted.values():
        source = source.outerjoin(each, each.c.user_id == users.c.id)

    def count(name: str) -> ColumnElement[int]:
        return func.coalesce(counted[name].c.rows, 0)

    return (
        select(
            users.c.id,
            users.c.user_lookup.label("lookup"),
            users.c.username,
            representable(users.c.created).label("created"),
            representable(users.c.last_accessed).label("last_seen"),
            users.c.disabled,
            (users.c.hashed_password != HashedPassword.UNUSABLE).label("has_login"),
            named.c.names.label("identities"),
            count("user_events").label("events"),
            count("workouts").label("workouts"),
            count("backups").label("backups"),
        )
        .select_from(source)
        .order_by(users.c.username_key.asc().nulls_last(), users.c.created, users.c.id)
    )


_LIST = Statement(_list(), seconds=LIST_SECONDS)
_GET = Statement(_list().where(users.c.id == bindparam("user_id")), seconds=LIST_SECONDS)
_SET_PASSWORD = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(hashed_password=bindparam("key"), salt=bindparam("new_salt"), guessed=null())
    .returning(users.c.id)
)
_END_SESSIONS = Statement(delete(sessions).where(sessions.c.user_id == bindparam("user_id")))
_REVOKE_KEYS = Statement(delete(access_keys).where(access_keys.c.user_id == bindparam("user_id")))


class UserAdministration:
    """All users, for the operator."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self) -> list[ListedUser]:
        """Return all users: those with a username in its order, then the others by age."""
        return [_user(row) for row in await self._database.fetch(_LIST)]

    async def get(self, user_id: UUID) -> ListedUser | None:
        """Return a user, or None if there is no such user."""
        row = await self._database.fetch_one(_GET, user_id=user_id)
        return _user(row) if row else None

    async def set_password(
        self, user_id: UUID, hashed: HashedPassword, *, revoke_keys: bool
    ) -> bool:
        """Replace the password and end all sessions, and if `revoke_keys` all access keys.

        Return False if there is no such user.
        """
        values = {"user_id": user_id, "key": hashed.key, "new_salt": hashed.salt}

        async def action(connection: Connection) -> bool:
            changed = await connection.fetchrow(_SET_PASSWORD.sql, *_SET_PASSWORD.arguments(values))
            # Separate statements, which see the session of a login that the change waited for.
            await connection.execute(_END_SESSIONS.sql, user_id)
            if revoke_keys:
                await connection.execute(_REVOKE_KEYS.sql, user_id)
            return changed is not None

        return await self._database.transact(action)


def _user(row: asyncpg.Record) -> ListedUser:
    return ListedUser(**{**row, "identities": row["identities"] or []})

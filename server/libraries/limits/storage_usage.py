"""The SQL of each user's usage: the number and size of what they store in the feed.

Usage is in `user_event_clocks`, and the statements that store something keep it up to date. Users
who were never counted, such as those of a LiftLog server's database, are counted when they store
something. A user at their quota is recounted before a request is rejected.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Subquery,
    Table,
    bindparam,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from server.errors import no_such_user
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import shared_items, user_event_clocks, user_events, users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded

# A user at their quota is not recounted for each call that is rejected.
RECOUNT_PERIOD = timedelta(minutes=1)

SIZE = bindparam("size", type_=BigInteger)

# Waits for calls of this user that store something, and blocks new ones.
_LOCK_USER = Statement(
    select(users.c.id).where(users.c.id == bindparam("user_id")).with_for_update()
)
# Waits for the sweeper, which does not lock the user.
_LOCK_USAGE = Statement(
    select((user_event_clocks.c.counted > func.now() - literal(RECOUNT_PERIOD)).label("is_fresh"))
    .where(user_event_clocks.c.user_id == bindparam("user_id"))
    .with_for_update()
)


def _total(table: Table, payload: str) -> Subquery:
    size = func.coalesce(func.sum(func.octet_length(table.c[payload])), 0)
    return (
        select(func.count().label("number"), size.label("size"))
        .where(table.c.user_id == bindparam("user_id"))
        .subquery(f"all_{table.name}")
    )


def _recount() -> Statement:
    events = _total(user_events, "encrypted_event")
    items = _total(shared_items, "encrypted_payload")
    counted = insert(user_event_clocks).from_select(
        ["user_id", "timestamp", "events", "bytes", "counted"],
        select(
            bindparam("user_id", type_=user_event_clocks.c.user_id.type),
            # Earlier than every event.
            func.to_timestamp(0),
            events.c.number,
            events.c.size + items.c.size,
            func.now(),
        ).select_from(events.join(items, true())),
    )
    return Statement(
        counted.on_conflict_do_update(
            index_elements=[user_event_clocks.c.user_id],
            set_={name: counted.excluded[name] for name in ("events", "bytes", "counted")},
        )
    )


_RECOUNT = _recount()


@dataclass(frozen=True, slots=True)
class Stored:
    """A result of storing something; `is_counted` if the user's usage is right with it."""

    is_counted: bool


StoredT = TypeVar("StoredT", bound=Stored)


class UsageRepository:
    """Usage of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(
        self,
        user_id: UUID,
        put: Callable[[], Awaitable[StoredT | None]],
        *,
        quota: str,
    ) -> StoredT:
        """Store something by `put`, and recount the user's usage where that is needed.

        `put` returns None if there seems to be no room. `quota` is how much a user may store.
        Raise NotFound if there is no such user, ResourceExhausted if their quota is used up.
        """
        stored = await put()
        if stored is None:
            await self.recount(user_id, is_wrong=False)
            stored = await put()
        if stored is None:
            # The user may have been deleted in between: then this raises NotFound.
            await self.recount(user_id, is_wrong=False)
            raise quota_exceeded(quota)
        if not stored.is_counted:
            await self.recount(user_id, is_wrong=True)
        return stored

    async def recount(self, user_id: UUID, *, is_wrong: bool) -> None:
        """Recount the user's usage, at most once a minute if it is not known to be wrong.

        Raise NotFound if there is no such user.
        """
        parameters = {"user_id": user_id}

        async def action(connection: Connection) -> None:
            if await connection.fetchval(_LOCK_USER.sql, user_id) is None:
                raise no_such_user()
            is_fresh = await connection.fetchval(
                _LOCK_USAGE.sql, *_LOCK_USAGE.arguments(parameters)
            )
            if is_wrong or not is_fresh:
                # A separate statement, which sees what was committed while waiting for the locks.
                await connection.execute(_RECOUNT.sql, *_RECOUNT.arguments(parameters))

        await self._database.transact(action)

"""The SQL of what each user stores in the feed.

Triggers keep `user_usage` from the first time on that it was counted (see the migration feed_0007),
so a statement that stores something has only to look. Users who were never counted, as those who
came with a LiftLog server's database, store one thing more and are counted then.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from server.bounds.quota import MAX_BYTES
from server.database.engine import Connection, Database
from server.database.schema import shared_items, user_events, user_usage, users
from server.database.statement import Statement
from server.errors import no_such_user

# A user at the bound is not counted anew at each call that is refused.
RECOUNT_PERIOD = timedelta(minutes=1)

SIZE = bindparam("size", type_=BigInteger)

# Waits for calls of this user that store something, and keeps others waiting.
_LOCK_USER = Statement(
    select(users.c.id).where(users.c.id == bindparam("user_id")).with_for_update()
)
_LOCK_USAGE = Statement(
    select((user_usage.c.counted > func.now() - literal(RECOUNT_PERIOD)).label("is_fresh"))
    .where(user_usage.c.user_id == bindparam("user_id"))
    .with_for_update()
)


def owner_with_room(counter: Column[int], maximum: int) -> Select[tuple[UUID, bool]]:
    """Select the user `owner_id`, if one row more of `counter` fits, and SIZE bytes.

    The row also says whether they were counted: `counted`. It is locked against being deleted,
    first of all, as deleting the user does: in another order the two would block each other.
    """
    fits = and_(
        counter < literal_column(str(maximum)),
        user_usage.c.bytes + SIZE <= literal_column(str(MAX_BYTES)),
    )
    return (
        select(users.c.id, user_usage.c.user_id.is_not(None).label("counted"))
        .select_from(users.outerjoin(user_usage, user_usage.c.user_id == users.c.id))
        .where(users.c.id == bindparam("owner_id"), or_(user_usage.c.user_id.is_(None), fits))
        .with_for_update(read=True, key_share=True, of=users)
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
    figures = ("events", "shared_items", "bytes", "counted")
    counted = insert(user_usage).from_select(
        ["user_id", *figures],
        select(
            bindparam("user_id", type_=user_usage.c.user_id.type),
            events.c.number,
            items.c.number,
            events.c.size + items.c.size,
            func.now(),
        ).select_from(events.join(items, true())),
    )
    return Statement(
        counted.on_conflict_do_update(
            index_elements=[user_usage.c.user_id],
            set_={name: counted.excluded[name] for name in figures},
        )
    )


_RECOUNT = _recount()


class UsageRepository:
    """How much each user stores."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recount(self, user_id: UUID) -> None:
        """Count anew what the user stores, unless that was done a moment ago.

        Raises NotFound if there is no such user.
        """

        async def action(connection: Connection) -> None:
            if await connection.fetchval(_LOCK_USER.sql, user_id) is None:
                raise no_such_user()
            if not await connection.fetchval(
                _LOCK_USAGE.sql, *_LOCK_USAGE.arguments({"user_id": user_id})
            ):
                # A statement of its own: it sees what was committed while the locks were awaited.
                await connection.execute(_RECOUNT.sql, *_RECOUNT.arguments({"user_id": user_id}))

        await self._database.transact(action)

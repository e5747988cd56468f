"""The SQL of inboxes."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Uuid, bindparam, delete, func, insert, literal, null, select

from server.database.engine import Database
from server.database.owner import owner_must_exist
from server.database.request_keys import digest_of, is_new
from server.database.schema import user_inbox_items as items
from server.database.schema import users
from server.database.statement import Statement
from server.errors import no_such_user

# What one read returns at the most. gRPC's clients refuse replies over 4 MiB unless told otherwise,
# and what was read is gone.
MOST_MESSAGES = 1000
MOST_BYTES = 3 * 1024 * 1024

# Only if there is the user: a key that is violated would have PostgreSQL log an error, and anybody
# may send to anybody.
_PUT = Statement(
    insert(items)
    .from_select(
        ["id", "user_id", "encrypted_message"],
        select(
            bindparam("id", type_=Uuid),
            users.c.id,
            bindparam("encrypted_message", type_=items.c.encrypted_message.type),
        ).where(users.c.id == bindparam("user_id")),
    )
    .returning(literal(1))
)
_PUT_ONCE = Statement(
    insert(items).from_select(
        ["id", "user_id", "encrypted_message"],
        select(
            bindparam("id", type_=items.c.id.type),
            bindparam("user_id", type_=items.c.user_id.type),
            bindparam("encrypted_message", type_=items.c.encrypted_message.type),
        ).where(is_new()),
    )
)


def _take() -> Statement:
    """Reads by removing: whoever else reads at the same moment gets other messages, or none.

    Anybody may put messages, so a read is bounded: the rest is there for the next one.
    """
    # Messages from before Gymlocker have no time: they are the oldest.
    waiting = (
        select(items.c.id, items.c.received, items.c.encrypted_message)
        .where(items.c.user_id == bindparam("owner_id"))
        .order_by(items.c.received.asc().nulls_first(), items.c.id)
        .limit(MOST_MESSAGES)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    chunk = func.unnest(waiting.c.encrypted_message).column_valued("chunk")
    size = select(func.coalesce(func.sum(func.octet_length(chunk)), 0)).scalar_subquery()
    measured = select(waiting, size.label("size")).cte("measured")
    up_to_here = func.sum(measured.c.size).over(
        order_by=(measured.c.received.asc().nulls_first(), measured.c.id)
    )
    summed = select(measured.c.id, (up_to_here - measured.c.size).label("before")).cte("summed")
    fitting = select(summed.c.id).where(summed.c.before < MOST_BYTES)
    taken = (
        delete(items)
        .where(items.c.id.in_(fitting))
        .returning(items.c.id, items.c.encrypted_message, items.c.received)
        .cte("taken")
    )
    # A chunk that is null, as LiftLog may have stored it, is no reason to lose what came with it.
    chunks = func.array_replace(taken.c.encrypted_message, null(), literal(b""))
    return Statement(
        select(taken.c.id, chunks.label("encrypted_message")).order_by(
            taken.c.received.asc().nulls_first(), taken.c.id
        )
    )


_TAKE = _take()


class InboxRepository:
    """The messages that wait for users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Puts `message`, in chunks, into the user's inbox."""
        # They may be deleted at this moment.
        with owner_must_exist():
            row = await self._database.fetch_one(
                _PUT, id=uuid4(), user_id=user_id, encrypted_message=list(message)
            )
        if row is None:
            raise no_such_user()

    async def put_once(self, user_id: UUID, message: Sequence[bytes], name: str) -> None:
        """Puts `message` into the user's inbox, unless it was put by this name already.

        Anybody may put messages, so another message of the same name is another one.
        """
        with owner_must_exist():
            await self._database.execute(
                _PUT_ONCE,
                id=uuid4(),
                user_id=user_id,
                encrypted_message=list(message),
                key=digest_of([b"inbox", name.encode(), *message]),
                contents=b"",
                answer="",
            )

    async def take(self, user_id: UUID) -> list[asyncpg.Record]:
        """Removes and returns the user's oldest messages, in order: id, encrypted_message."""
        return await self._database.fetch(_TAKE, owner_id=user_id)

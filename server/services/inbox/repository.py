"""The SQL that reads inboxes."""

from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, delete, func, literal, null, select

from server.libraries.database.pool import Database
from server.libraries.database.schema import user_inbox_items as items
from server.libraries.database.statement import Statement

# What one read returns at the most. gRPC's clients refuse replies over 4 MiB unless told otherwise,
# and what was read is gone.
MAX_MESSAGES = 1000
MAX_BYTES = 3 * 1024 * 1024


def _take() -> Statement:
    """Reads by removing: whoever else reads at the same moment gets other messages, or none.

    Anybody may put messages, so a read is bounded: the rest is there for the next one.
    """
    # Messages from before Gymlocker have no time: they are the oldest.
    waiting = (
        select(items.c.id, items.c.received, items.c.encrypted_message)
        .where(items.c.user_id == bindparam("owner_id"))
        .order_by(items.c.received.asc().nulls_first(), items.c.id)
        .limit(MAX_MESSAGES)
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
    fitting = select(summed.c.id).where(summed.c.before < MAX_BYTES)
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
    """The messages that wait for users. They are put there by `room.py`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, user_id: UUID) -> list[asyncpg.Record]:
        """Removes and returns the user's oldest messages, in order: id, encrypted_message."""
        return await self._database.fetch(_TAKE, owner_id=user_id)

"""The SQL of inboxes."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import bindparam, delete, insert, select

from server.database.engine import Database
from server.database.owner import owner_must_exist
from server.database.schema import user_inbox_items as items
from server.database.statement import Statement

_PUT = Statement(
    insert(items).values(
        id=bindparam("id"),
        user_id=bindparam("user_id"),
        encrypted_message=bindparam("encrypted_message"),
    )
)


def _take() -> Statement:
    """Reads by removing: whoever else reads at the same moment finds nothing left."""
    taken = (
        delete(items)
        .where(items.c.user_id == bindparam("owner_id"))
        .returning(items.c.id, items.c.encrypted_message, items.c.received)
        .cte("taken")
    )
    # Messages from before Gymlocker have no time: they are the oldest.
    return Statement(
        select(taken.c.id, taken.c.encrypted_message).order_by(
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
        with owner_must_exist():
            await self._database.execute(
                _PUT, id=uuid4(), user_id=user_id, encrypted_message=list(message)
            )

    async def take(self, user_id: UUID) -> list[asyncpg.Record]:
        """Removes and returns the user's messages, oldest first: id, encrypted_message."""
        return await self._database.fetch(_TAKE, owner_id=user_id)

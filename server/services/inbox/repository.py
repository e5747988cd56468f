"""The repository of inboxes."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID, uuid4

from gymlocker.v2 import inbox_pb2

from server.errors import ResourceExhausted, no_such_user
from server.libraries.database.idempotency import GET_ANSWER, STORE, digest_of
from server.libraries.database.pool import Connection, Database
from server.libraries.limits.quota import RETRY_AFTER
from server.services.inbox.statements import (
    ACKNOWLEDGE_MESSAGES,
    LEASE_MESSAGES,
    LOCK_INBOX,
    PUT_MESSAGE,
    PUT_MESSAGE_INTO_FULL_INBOX,
    TAKE_MESSAGES,
)


class InboxRepository:
    """Messages waiting for users, up to `max_messages` in an inbox; 0 is no limit."""

    def __init__(self, database: Database, *, max_messages: int) -> None:
        self._database = database
        self._max_messages = max_messages

    async def put(
        self, user_id: UUID, message: Sequence[bytes], network: bytes | None, key: str = ""
    ) -> None:
        """Store `message`, in chunks, in the user's inbox; `network` is the sender's hash.

        With an idempotency `key`, the same message is stored once. Raise NotFound if there is no
        such user, ResourceExhausted if the inbox is full and no network has more messages there.
        """
        parameters = {
            "owner_id": user_id,
            "id": uuid4(),
            "encrypted_message": list(message),
            "network": network,
            "size": sum(map(len, message)),
            "max_messages": self._max_messages,
        }
        if not key and await self._database.fetch_one(PUT_MESSAGE, **parameters):
            return
        request = {
            "user_id": user_id,
            "key": _request_key(message, key),
            "contents": b"",
            "answer": "",
        }

        async def put(connection: Connection) -> None:
            if await connection.fetchval(LOCK_INBOX.sql, user_id) is None:
                raise no_such_user()
            if key and await connection.fetchval(STORE.sql, *STORE.arguments(request)) is None:
                return
            for statement in (PUT_MESSAGE, PUT_MESSAGE_INTO_FULL_INBOX):
                if await connection.fetchval(statement.sql, *statement.arguments(parameters)):
                    return
            # Rolls back the stored key as well, so that the message can be sent again.
            raise inbox_full()

        await self._database.transact(put)

    async def was_put(self, user_id: UUID, message: Sequence[bytes], key: str) -> bool:
        """Check whether `message` was stored with this idempotency key before."""
        return bool(
            key
            and await self._database.fetch_one(
                GET_ANSWER, user_id=user_id, key=_request_key(message, key)
            )
        )

    async def take(self, user_id: UUID) -> list[inbox_pb2.InboxMessage]:
        """Delete and return the user's oldest unleased messages, oldest first."""
        rows = await self._database.fetch(TAKE_MESSAGES, owner_id=user_id)
        return [
            inbox_pb2.InboxMessage(id=str(row["id"]), encrypted_message=row["encrypted_message"])
            for row in rows
        ]

    async def lease(
        self, user_id: UUID, duration: dt.timedelta, max_messages: int
    ) -> list[inbox_pb2.LeasedInboxMessage]:
        """Lease and return the user's oldest unleased messages, oldest first."""
        rows = await self._database.fetch(
            LEASE_MESSAGES, owner_id=user_id, duration=duration, max_messages=max_messages
        )
        return [
            inbox_pb2.LeasedInboxMessage(
                id=str(row["id"]),
                encrypted_message=row["encrypted_message"],
                deliveries=row["deliveries"],
            )
            for row in rows
        ]

    async def acknowledge(self, user_id: UUID, ids: Sequence[UUID]) -> None:
        """Delete those of the user's messages that have these ids, leased or not."""
        await self._database.execute(ACKNOWLEDGE_MESSAGES, owner_id=user_id, ids=ids)


def inbox_full() -> ResourceExhausted:
    """Return the error for an inbox that is full of messages from the sender's network."""
    return ResourceExhausted(
        "The inbox is full, and most of what waits there is from your network. "
        "Try again when its owner has read it.",
        reason="INBOX_FULL",
        retry_after=RETRY_AFTER,
    )


def _request_key(message: Sequence[bytes], key: str) -> bytes:
    """Return the key of a request: anyone may send messages, so it covers the message as well.

    Otherwise a stranger could use up the key of another sender's message.
    """
    return digest_of([b"inbox", key.encode(), *message])

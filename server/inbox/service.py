"""InboxService: messages from user to user."""

from typing import Any
from uuid import UUID

from gymlocker.v2 import inbox_pb2, inbox_pb2_grpc

from server.inbox.repository import InboxRepository


class InboxService(inbox_pb2_grpc.InboxServiceServicer):
    """Delivers each message once."""

    def __init__(self, inbox: InboxRepository) -> None:
        self._inbox = inbox

    async def PutInboxMessage(
        self, request: inbox_pb2.PutInboxMessageRequest, context: Any
    ) -> inbox_pb2.PutInboxMessageResponse:
        """Puts a message into somebody's inbox."""
        to, message = UUID(request.to_user_id), request.encrypted_message
        if request.idempotency_key:
            await self._inbox.put_once(to, message, request.idempotency_key)
        else:
            await self._inbox.put(to, message)
        return inbox_pb2.PutInboxMessageResponse()

    async def GetInboxMessages(
        self, request: inbox_pb2.GetInboxMessagesRequest, context: Any
    ) -> inbox_pb2.GetInboxMessagesResponse:
        """Reads and removes the caller's messages."""
        rows = await self._inbox.take(UUID(request.user_id))
        messages = [
            inbox_pb2.InboxMessage(id=str(row["id"]), encrypted_message=row["encrypted_message"])
            for row in rows
        ]
        return inbox_pb2.GetInboxMessagesResponse(inbox_messages=messages)

"""InboxService: messages from user to user."""

from uuid import UUID

from gymlocker.v2 import inbox_pb2, inbox_pb2_grpc

from server.errors import NotFound
from server.libraries.limits.network_hash import NetworkHasher
from server.libraries.limits.rate_limits import InboxMessages
from server.libraries.rpc.context import Context, address_of
from server.services.inbox.repository import InboxRepository
from server.services.inbox.writer import InboxWriter


class InboxService(inbox_pb2_grpc.InboxServiceServicer):
    """Delivers each message once."""

    def __init__(
        self,
        inbox: InboxRepository,
        writer: InboxWriter,
        networks: NetworkHasher,
        messages: InboxMessages,
    ) -> None:
        self._inbox = inbox
        self._writer = writer
        self._networks = networks
        self._messages = messages

    async def PutInboxMessage(
        self, request: inbox_pb2.PutInboxMessageRequest, context: Context
    ) -> inbox_pb2.PutInboxMessageResponse:
        """Puts a message into somebody's inbox."""
        user_id, message = UUID(request.to_user_id), request.encrypted_message
        name = request.idempotency_key
        # A repeat costs nothing: its message was counted.
        if name and await self._writer.was_put(user_id, message, name):
            return inbox_pb2.PutInboxMessageResponse()
        network = await self._networks.hash(address_of(context))
        await self._messages.take(user_id, network)
        try:
            await self._writer.put(user_id, message, network, name=name)
        except NotFound:
            await self._messages.forget(user_id, network)
            raise
        return inbox_pb2.PutInboxMessageResponse()

    async def GetInboxMessages(
        self, request: inbox_pb2.GetInboxMessagesRequest, context: Context
    ) -> inbox_pb2.GetInboxMessagesResponse:
        """Reads and removes the caller's messages."""
        rows = await self._inbox.take(UUID(request.user_id))
        messages = [
            inbox_pb2.InboxMessage(id=str(row["id"]), encrypted_message=row["encrypted_message"])
            for row in rows
        ]
        return inbox_pb2.GetInboxMessagesResponse(inbox_messages=messages)

"""InboxService: messages from user to user."""

import datetime as dt
from uuid import UUID

from gymlocker.v2 import inbox_pb2, inbox_pb2_grpc

from server.errors import NotFound
from server.libraries.limits.network_hash import NetworkHasher
from server.libraries.limits.rate_limits import InboxMessages
from server.libraries.rpc.context import Context, address_of
from server.services.inbox.repository import InboxRepository


class InboxService(inbox_pb2_grpc.InboxServiceServicer):
    """Inboxes, read by lease and acknowledgement or all at once."""

    def __init__(
        self, inbox: InboxRepository, networks: NetworkHasher, messages: InboxMessages
    ) -> None:
        self._inbox = inbox
        self._networks = networks
        self._messages = messages

    async def PutInboxMessage(
        self, request: inbox_pb2.PutInboxMessageRequest, context: Context
    ) -> inbox_pb2.PutInboxMessageResponse:
        """Put a message into the inbox of a user."""
        user_id, message = UUID(request.to_user_id), request.encrypted_message
        # Checked before the rate limit, since a repeated message was counted the first time.
        # Of concurrent repeats, `put` stores one.
        if await self._inbox.was_put(user_id, message, request.idempotency_key):
            return inbox_pb2.PutInboxMessageResponse()
        network = await self._networks.hash(address_of(context))
        await self._messages.take(user_id, network)
        try:
            await self._inbox.put(user_id, message, network, request.idempotency_key)
        except NotFound:
            await self._messages.forget(user_id, network)
            raise
        return inbox_pb2.PutInboxMessageResponse()

    async def GetInboxMessages(
        self, request: inbox_pb2.GetInboxMessagesRequest, context: Context
    ) -> inbox_pb2.GetInboxMessagesResponse:
        """Delete and return the caller's messages."""
        messages = await self._inbox.take(UUID(request.user_id))
        return inbox_pb2.GetInboxMessagesResponse(inbox_messages=messages)

    async def LeaseInboxMessages(
        self, request: inbox_pb2.LeaseInboxMessagesRequest, context: Context
    ) -> inbox_pb2.LeaseInboxMessagesResponse:
        """Lease and return the caller's messages."""
        messages = await self._inbox.lease(
            UUID(request.user_id),
            dt.timedelta(seconds=request.lease_seconds),
            request.max_messages,
        )
        return inbox_pb2.LeaseInboxMessagesResponse(inbox_messages=messages)

    async def AckInboxMessages(
        self, request: inbox_pb2.AckInboxMessagesRequest, context: Context
    ) -> inbox_pb2.AckInboxMessagesResponse:
        """Delete messages of the caller."""
        await self._inbox.acknowledge(UUID(request.user_id), [UUID(id_) for id_ in request.ids])
        return inbox_pb2.AckInboxMessagesResponse()

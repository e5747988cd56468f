"""InboxService: messages from user to user."""

import datetime as dt
from collections.abc import Callable
from uuid import UUID

from gymlocker.v2 import inbox_pb2, inbox_pb2_grpc

from server.errors import NotFound
from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.limits.network_hash import NetworkHasher
from server.libraries.limits.rate_limits import InboxMessages
from server.libraries.rpc.context import Context, address_of, current_caller
from server.libraries.rpc.live_stream import LiveStreams
from server.services.auth.standing import Standings
from server.services.inbox.repository import InboxRepository
from server.services.inbox.watch.messages import HEARTBEAT, ended
from server.services.inbox.watch.shared_inboxes import InboxWatcher, SharedInboxes


class InboxService(inbox_pb2_grpc.InboxServiceServicer):
    """Inboxes, read by lease and acknowledgement or all at once.

    `wake` is called with the user of each message that was stored.
    """

    def __init__(
        self,
        inbox: InboxRepository,
        networks: NetworkHasher,
        limit: InboxMessages,
        hints: Hints,
        watched: SharedInboxes,
        standings: Standings,
        streams: LiveStreams,
        wake: Callable[[UUID], None],
    ) -> None:
        self._inbox = inbox
        self._networks = networks
        self._limit = limit
        self._hints = hints
        self._watched = watched
        self._standings = standings
        self._streams = streams
        self._wake = wake

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
        await self._limit.take(user_id, network)
        try:
            await self._inbox.put(user_id, message, network, request.idempotency_key)
        except NotFound:
            await self._limit.forget(user_id, network)
            raise
        self._hints.publish(Topic.INBOX, user_id)
        self._wake(user_id)
        return inbox_pb2.PutInboxMessageResponse()

    async def GetInboxMessages(
        self, request: inbox_pb2.GetInboxMessagesRequest, context: Context
    ) -> inbox_pb2.GetInboxMessagesResponse:
        """Delete and return the caller's messages."""
        user_id = UUID(request.user_id)
        messages = await self._inbox.take(user_id)
        if messages:
            self._hints.publish(Topic.INBOX, user_id)
        return inbox_pb2.GetInboxMessagesResponse(inbox_messages=messages)

    async def LeaseInboxMessages(
        self, request: inbox_pb2.LeaseInboxMessagesRequest, context: Context
    ) -> inbox_pb2.LeaseInboxMessagesResponse:
        """Lease and return the caller's messages."""
        user_id = UUID(request.user_id)
        duration = dt.timedelta(seconds=request.lease_seconds)
        messages = await self._inbox.lease(user_id, duration, request.max_messages)
        if messages:
            self._hints.publish(Topic.INBOX, user_id)
        return inbox_pb2.LeaseInboxMessagesResponse(inbox_messages=messages)

    async def AckInboxMessages(
        self, request: inbox_pb2.AckInboxMessagesRequest, context: Context
    ) -> inbox_pb2.AckInboxMessagesResponse:
        """Delete messages of the caller."""
        user_id = UUID(request.user_id)
        await self._inbox.acknowledge(user_id, [UUID(id_) for id_ in request.ids])
        self._hints.publish(Topic.INBOX, user_id)
        return inbox_pb2.AckInboxMessagesResponse()

    async def WatchInbox(  # type: ignore[override] # writes instead of yielding
        self, request: inbox_pb2.WatchInboxRequest, context: Context
    ) -> None:
        """Send the number of the caller's messages, at once and when it changes."""
        standing = await self._standings.get(
            current_caller.get(), UUID(request.user_id), request.password, address_of(context)
        )
        opened = self._streams.opened(context.write, heartbeat=HEARTBEAT, ended=ended)
        async with opened as stream:
            with self._watched.joined(InboxWatcher(stream, standing)):
                while await stream.flush():
                    await stream.wait()

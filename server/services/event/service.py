"""EventService: the encrypted feed."""

from functools import partial
from uuid import UUID

from gymlocker.v2 import event_pb2, event_pb2_grpc

from server.errors import ResourceExhausted
from server.libraries.database.incarnation import Incarnation
from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.limits.rate_limits import WrongSecrets
from server.libraries.rpc.context import Context, address_of
from server.libraries.rpc.conversions import datetime_of, invalid_field
from server.libraries.rpc.large_responses import LARGE_BYTES, LargeResponses
from server.libraries.rpc.live_stream import LiveStreams
from server.services.event.cursor import START, Position, decode
from server.services.event.feed import Feed, FeedSubscription
from server.services.event.repository import Event, EventRepository
from server.services.event.watch import messages
from server.services.event.watch.shared_feeds import SharedFeeds
from server.services.event.watch.watcher import Watcher

# A request stays in memory while its stream is open.
MAX_WATCH_BYTES = 64 * 1024


class EventService(event_pb2_grpc.EventServiceServicer):
    """Events of the caller, and of the users they follow."""

    def __init__(
        self,
        events: EventRepository,
        wrong_secrets: WrongSecrets,
        large_responses: LargeResponses,
        hints: Hints,
        feeds: SharedFeeds,
        streams: LiveStreams,
    ) -> None:
        self._events = events
        self._hints = hints
        self._feeds = feeds
        self._streams = streams
        self._wrong_secrets = wrong_secrets
        self._large_responses = large_responses

    async def PutEvent(
        self, request: event_pb2.PutEventRequest, context: Context
    ) -> event_pb2.PutEventResponse:
        """Publish or replace an event of the caller."""
        event = Event(
            id=UUID(request.event_id),
            payload=request.encrypted_event_payload,
            iv=request.encrypted_event_iv,
            expiry=datetime_of(request.expiry, "expiry"),
        )
        user_id = UUID(request.user_id)
        await self._events.put(user_id, event)
        self._hints.publish(Topic.EVENTS, user_id)
        return event_pb2.PutEventResponse()

    async def DeleteEvent(
        self, request: event_pb2.DeleteEventRequest, context: Context
    ) -> event_pb2.DeleteEventResponse:
        """Delete an event of the caller."""
        user_id = UUID(request.user_id)
        await self._events.delete(user_id, UUID(request.event_id))
        self._hints.publish(Topic.EVENTS, user_id)
        return event_pb2.DeleteEventResponse()

    async def GetEvents(
        self, request: event_pb2.GetEventsRequest, context: Context
    ) -> event_pb2.GetEventsResponse:
        """Return the events of the users whose follow secret is right."""
        incarnation = await self._events.incarnation()
        subscriptions = [
            _subscription(incarnation, index, user) for index, user in enumerate(request.users)
        ]
        feed = await self._events.get_small(subscriptions, max_bytes=LARGE_BYTES)
        if feed is not None:
            return await self._checked(feed, context)
        async with self._large_responses.acquire(context) as max_bytes:
            feed = await self._events.get(subscriptions, max_bytes=max_bytes)
            return await self._checked(feed, context)

    async def WatchEvents(  # type: ignore[override] # writes instead of yielding
        self, request: event_pb2.WatchEventsRequest, context: Context
    ) -> None:
        """Send the changes of the users whose follow secret is right, as they are committed."""
        if request.ByteSize() > MAX_WATCH_BYTES:
            raise invalid_field("users", f"must have at most {MAX_WATCH_BYTES:,} bytes together")
        incarnation = await self._events.incarnation()
        subscriptions = [
            _subscription(incarnation, index, user) for index, user in enumerate(request.users)
        ]
        address = address_of(context)
        opened = self._streams.opened(
            context.write, heartbeat=messages.HEARTBEAT, ended=messages.ended
        )
        async with opened as stream:
            count_wrong = partial(self._count_wrong, address)
            await Watcher(stream, self._feeds, self._events, subscriptions, count_wrong).run()

    async def _checked(self, feed: Feed, context: Context) -> event_pb2.GetEventsResponse:
        """Count the wrong secrets; beyond the rate limit, do not list them.

        A caller with right secrets among them still gets the events, since somebody else at the
        same address may be guessing. Raise ResourceExhausted if all secrets are wrong.
        """
        wrong = len(feed.response.invalid_follow_secrets)
        if wrong and not await self._count_wrong(address_of(context), wrong, feed.has_right_secret):
            feed.response.ClearField("invalid_follow_secrets")
        return feed.response

    async def _count_wrong(self, address: str, wrong: int, has_right: bool) -> bool:
        """Count wrong secrets; return whether they may be listed."""
        try:
            await self._wrong_secrets.take(address, wrong)
        except ResourceExhausted:
            if not has_right:
                raise
            return False
        return True


def _subscription(
    incarnation: Incarnation, index: int, user: event_pb2.FollowedUser
) -> FeedSubscription:
    user_id, field = UUID(user.user_id), f"users[{index}]"
    if not user.cursor:
        has_since = user.HasField("since")
        start = Position(datetime_of(user.since, f"{field}.since")) if has_since else START
        return FeedSubscription(user_id, user.follow_secret, start)
    position = decode(incarnation, user_id, user.cursor, f"{field}.cursor")
    if position is None:
        return FeedSubscription(user_id, user.follow_secret, START, is_reset=True)
    return FeedSubscription(user_id, user.follow_secret, position, has_cursor=True)

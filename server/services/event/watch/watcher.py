"""One watcher: what was sent of each user, and what comes next.

A user is settled while the watcher takes the changes that all share, and behind while it reads at
its own position: at the beginning, and after it has missed something.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime
from uuid import UUID

from server.errors import Unavailable
from server.libraries.database.incarnation import Incarnation
from server.libraries.rpc.live_stream import LiveStream
from server.services.event.changes import Changes, merged
from server.services.event.cursor import START, Position
from server.services.event.feed import FeedSubscription
from server.services.event.repository import EventRepository
from server.services.event.watch import messages
from server.services.event.watch.shared_feeds import Batch, SharedFeeds

# Of one read for one watcher. So much of each is in memory while its client reads slowly.
PAGE_BYTES = 128 * 1024
RETRY_SECONDS = 1.0
# Of the statements of one read together.
READ_SECONDS = 10.0
NOTHING_TO_WATCH = "NOTHING_TO_WATCH"


class Watcher:
    """The state of one stream of events.

    `count_wrong` gets the number of wrong secrets and whether there is a right one. It returns
    whether the wrong ones may be listed, or raises ResourceExhausted.
    """

    def __init__(
        self,
        stream: LiveStream,
        feeds: SharedFeeds,
        events: EventRepository,
        subscriptions: Iterable[FeedSubscription],
        count_wrong: Callable[[int, bool], Awaitable[bool]],
    ) -> None:
        self._stream = stream
        self._feeds = feeds
        self._events = events
        self._count_wrong = count_wrong
        self._incarnation: Incarnation | None = None
        self._settled: dict[UUID, datetime] = {}
        # By user: at the beginning one subscription for each secret, whose cursors may differ.
        self._behind: dict[UUID, list[FeedSubscription]] = {}
        self._secrets: dict[UUID, tuple[str, ...]] = {}
        for one in merged(subscriptions):
            self._behind.setdefault(one.user_id, []).append(one)
            self._secrets[one.user_id] = (*self._secrets.get(one.user_id, ()), one.secret)

    async def run(self) -> None:
        """Send changes until the stream ends. Raise what the first read raises."""
        with self._feeds.joined(self, self._secrets):
            await self._read_in_time(list_wrong=True)
            is_caught_up = False
            while await self._stream.flush():
                if self._behind:
                    await self._read_again()
                elif not is_caught_up:
                    is_caught_up = True
                    self._offer(messages.CAUGHT_UP)
                elif not self._settled:
                    self._stream.end(NOTHING_TO_WATCH)
                else:
                    await self._stream.wait()

    def offer(self, batch: Batch) -> None:
        """Send changes of a settled user, if they are the next ones."""
        position = self._settled.get(batch.user_id)
        if position == batch.after:
            self._settled[batch.user_id] = batch.until
            self._stream.offer(batch.messages, batch.size)
        elif position is not None and position < batch.until:
            self.fall_behind(batch.user_id)

    def fall_behind(self, user_id: UUID) -> None:
        """Read a user at the watcher's own position."""
        position = self._settled.pop(user_id, None)
        if position is not None:
            self._behind[user_id] = self._subscriptions(user_id, Position(position))
            self._stream.wake()

    def secrets_of(self, user_id: UUID) -> Collection[str]:
        """Return the secrets by which a user is watched."""
        return self._secrets.get(user_id, ())

    def invalidate(self, user_id: UUID, secret: str) -> None:
        """Stop watching a user by a secret, and tell the client."""
        if self._forget(user_id, secret):
            self._offer(messages.invalid(user_id, secret))

    def restart(self, incarnation: Incarnation) -> None:
        """Begin all users again: the database was replaced."""
        self._incarnation = incarnation
        self._settled.clear()
        self._behind = {
            user_id: [FeedSubscription(user_id, secret, START, is_reset=True) for secret in secrets]
            for user_id, secrets in self._secrets.items()
        }
        self._stream.wake()

    async def _read_again(self) -> None:
        try:
            await self._read_in_time()
        except Unavailable:
            # The client is told by nothing but a pause: it would only connect again.
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))

    async def _read_in_time(self, *, list_wrong: bool = False) -> None:
        """Read, but end before a heartbeat is missed. Raises Unavailable."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._read(list_wrong=list_wrong)
        except TimeoutError:
            raise Unavailable(
                "The database takes too long. Try again in a moment.",
                reason="DATABASE_UNAVAILABLE",
            ) from None

    async def _read(self, *, list_wrong: bool = False) -> None:
        """Read the next changes of all users that are behind."""
        before = self._incarnation
        subscriptions = [one for of_user in self._behind.values() for one in of_user]
        changes = await self._events.changes(subscriptions, max_bytes=PAGE_BYTES)
        wrong = [one for one in subscriptions if (one.user_id, one.secret) not in changes.valid]
        is_listed = not (list_wrong and wrong) or await self._count_wrong(
            len(wrong), bool(changes.valid)
        )
        if self._incarnation is not before:
            # It has begun again meanwhile, and what was read is of the database before.
            return
        self._feeds.renew(changes.incarnation)
        if self._incarnation is not before:
            return
        self._incarnation = changes.incarnation
        for one in wrong:
            if self._forget(one.user_id, one.secret) and is_listed:
                self._offer(messages.invalid(one.user_id, one.secret))
        self._take(changes)

    def _take(self, changes: Changes) -> None:
        """Send the changes of users that are still watched, and move on."""
        page = [messages.reset(one) for one in changes.resets if one in self._behind]
        rows = (row for row in changes.rows if row["requested_user_id"] in self._behind)
        page.extend(messages.changes(rows))
        for user_id, position in changes.newest.items():
            if user_id not in self._behind:
                continue
            is_complete = user_id in changes.complete
            # In the end, all deletions are known, whenever the reader began.
            after = Position(position.time) if is_complete else position
            page.append(messages.cursor(changes.incarnation, user_id, after))
            self._behind[user_id] = self._subscriptions(user_id, after)
            if is_complete and self._feeds.settle(user_id, position.time):
                del self._behind[user_id]
                self._settled[user_id] = position.time
        self._stream.offer(page, sum(map(len, page)))

    def _forget(self, user_id: UUID, secret: str) -> bool:
        """Stop watching a user by a secret. Return whether it was watched."""
        known = self._secrets.get(user_id, ())
        if secret not in known:
            return False
        remaining = tuple(one for one in known if one != secret)
        if remaining:
            self._secrets[user_id] = remaining
            if behind := self._behind.get(user_id):
                others = [one for one in behind if one.secret != secret]
                self._behind[user_id] = others or [behind[0]._replace(secret=remaining[0])]
        else:
            for state in (self._secrets, self._behind, self._settled):
                state.pop(user_id, None)
            self._feeds.leave(self, user_id)
            self._stream.wake()
        return True

    def _subscriptions(self, user_id: UUID, position: Position) -> list[FeedSubscription]:
        # With one secret, for each of them reads the same changes. The feeds check the others.
        secret = self._secrets[user_id][0]
        return [FeedSubscription(user_id, secret, position, has_cursor=True)]

    def _offer(self, message: bytes) -> None:
        self._stream.offer((message,), len(message))

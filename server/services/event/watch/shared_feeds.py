"""The feeds that watchers of a worker share: a change is read once for all who watch its user.

A hint only says that there may be something to read. What is sent is what was read after a
position, in the order of commits, so hints may be lost, late or repeated.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar
from uuid import UUID

from server.libraries.database.incarnation import Incarnation
from server.libraries.hints.hint import Hint, Topic
from server.libraries.hints.refreshing import MarkedUsers
from server.services.event.changes import Entry, UserRows
from server.services.event.cursor import Position
from server.services.event.feed import bytes_of
from server.services.event.watch import messages
from server.services.event.watch.repository import WatchRepository

MAX_READ_BYTES = 4 * 1024 * 1024
# Half of what may wait for a client: a larger batch would end the streams of all watchers.
MAX_BATCH_BYTES = 512 * 1024
# Entries of one statement.
MAX_ENTRIES = 500

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded changes of a user after the time `after`, up to and with `until`."""

    user_id: UUID
    after: datetime
    until: datetime
    messages: tuple[bytes, ...]
    size: int


class Watching(Protocol):
    """A watcher of shared feeds."""

    def offer(self, batch: Batch) -> None:
        """Take changes of a user, if they are the next ones."""

    def fall_behind(self, user_id: UUID) -> None:
        """Read a user without the others, at the watcher's own position."""

    def secrets_of(self, user_id: UUID) -> Collection[str]:
        """Return the secrets by which the user is watched."""

    def invalidate(self, user_id: UUID, secret: str) -> None:
        """Stop watching a user by a secret."""

    def restart(self, incarnation: Incarnation) -> None:
        """Begin all users again: the database was replaced."""


@dataclass(slots=True)
class _Feed:
    """A watched user. `position` is None until a watcher has read everything."""

    watchers: set[Watching] = field(default_factory=set)
    position: datetime | None = None


class SharedFeeds:
    """The watched users of a worker, and those who watch them."""

    def __init__(self, repository: WatchRepository) -> None:
        self._repository = repository
        self._feeds: dict[UUID, _Feed] = {}
        self._incarnation: Incarnation | None = None
        self.marked = MarkedUsers(self._refresh)

    def receive(self, hint: Hint) -> None:
        """Read a user again, if anyone watches them."""
        if hint.topic is not Topic.INBOX and hint.user_id in self._feeds:
            self.marked.mark(hint.user_id)

    @contextmanager
    def joined(self, watcher: Watching, user_ids: Iterable[UUID]) -> Iterator[None]:
        """Let `watcher` watch users. It may leave some of them before the end."""
        watched = tuple(user_ids)
        for user_id in watched:
            self._feeds.setdefault(user_id, _Feed()).watchers.add(watcher)
        try:
            yield
        finally:
            for user_id in watched:
                self.leave(watcher, user_id)

    def leave(self, watcher: Watching, user_id: UUID) -> None:
        """Let `watcher` no longer watch a user, if it does."""
        feed = self._feeds.get(user_id)
        if feed is not None:
            feed.watchers.discard(watcher)
            if not feed.watchers:
                del self._feeds[user_id]

    def settle(self, user_id: UUID, position: datetime) -> bool:
        """Share the feed of a user from `position` on. Return False if that is behind the others.

        The watcher must have read with the identity of `renew`.
        """
        feed = self._feeds[user_id]
        if feed.position is None:
            feed.position = position
            # Hints that came before were of no use.
            self.marked.mark(user_id)
        elif position < feed.position:
            # Or the database is behind the shared position: reading it again tells.
            self.marked.mark(user_id)
        return position >= feed.position

    def renew(self, incarnation: Incarnation) -> None:
        """Let all watchers begin again if the database has another identity than before."""
        if self._incarnation == incarnation:
            return
        is_first, self._incarnation = self._incarnation is None, incarnation
        if is_first:
            return
        for feed in self._feeds.values():
            feed.position = None
        for watcher in {watcher for feed in self._feeds.values() for watcher in feed.watchers}:
            watcher.restart(incarnation)

    async def heal(self) -> None:
        """Mark users that have changed without a hint, and end entries that are no longer valid."""
        self.renew(await self._repository.incarnation())
        for users in _slices(self._feeds):
            positions = self._positions(users)
            if positions:
                for user_id in await self._repository.moved(positions):
                    self.marked.mark(user_id)
            await self._check_secrets(users)

    async def _refresh(self, users: Collection[UUID]) -> None:
        incarnation = await self._repository.incarnation()
        self.renew(incarnation)
        positions = self._positions(users)
        found = await self._changes(positions) if positions else {}
        # After the changes: what was committed after a secret was revoked is not sent to those who
        # watch by it.
        await self._check_secrets(users)
        for user_id, rows in found.items():
            self._share(incarnation, user_id, positions[user_id], rows)

    async def _changes(self, positions: Mapping[UUID, datetime]) -> dict[UUID, UserRows]:
        found = await self._repository.changes(positions, max_bytes=MAX_READ_BYTES)
        if len(found) == 1:
            return found
        cut = {user_id for user_id, rows in found.items() if not rows.is_complete}
        for user_id in cut:
            one = {user_id: positions[user_id]}
            found |= await self._repository.changes(one, max_bytes=MAX_READ_BYTES)
        return found

    def _positions(self, users: Iterable[UUID]) -> dict[UUID, datetime]:
        """Return the positions of those users whose feed has one."""
        feeds = ((user_id, self._feeds.get(user_id)) for user_id in users)
        return {
            user_id: feed.position
            for user_id, feed in feeds
            if feed is not None and feed.position is not None
        }

    def _share(
        self, incarnation: Incarnation, user_id: UUID, after: datetime, rows: UserRows
    ) -> None:
        feed = self._feeds.get(user_id)
        # All watchers have left, or the database was replaced during the read.
        if feed is None or feed.position != after or self._incarnation != incarnation:
            return
        is_small = rows.is_complete and bytes_of(rows.changes) <= MAX_BATCH_BYTES
        if not is_small or not rows.pruned <= after <= rows.newest:
            # Too much for one batch, or an unknown position: each watcher reads by itself.
            feed.position = None
            for watcher in tuple(feed.watchers):
                watcher.fall_behind(user_id)
        elif rows.newest > after:
            cursor = messages.cursor(incarnation, user_id, Position(rows.newest))
            encoded = (*messages.changes(rows.changes), cursor)
            batch = Batch(user_id, after, rows.newest, encoded, sum(map(len, encoded)))
            feed.position = rows.newest
            for watcher in tuple(feed.watchers):
                watcher.offer(batch)

    async def _check_secrets(self, users: Iterable[UUID]) -> None:
        entries: set[Entry] = set()
        for user_id in users:
            if feed := self._feeds.get(user_id):
                entries.update(
                    (user_id, secret)
                    for watcher in feed.watchers
                    for secret in watcher.secrets_of(user_id)
                )
        for some in _slices(entries):
            for user_id, secret in await self._repository.invalid(some):
                feed = self._feeds.get(user_id)
                for watcher in tuple(feed.watchers) if feed else ():
                    watcher.invalidate(user_id, secret)


def _slices(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield all items, as they are now, in lists for one statement each."""
    remaining = iter(list(items))
    while some := list(islice(remaining, MAX_ENTRIES)):
        yield some

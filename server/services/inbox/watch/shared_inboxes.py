"""The inboxes that streams of a worker watch: each is counted once for all its streams."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from server.libraries.database.pool import Database
from server.libraries.hints.hint import Hint, Topic
from server.libraries.hints.refreshing import MarkedUsers
from server.libraries.rpc.live_stream import LiveStream
from server.services.auth.standing import Standing, Standings
from server.services.inbox.statements import COUNT_WAITING
from server.services.inbox.watch import messages


@dataclass(eq=False, slots=True)
class InboxWatcher:
    """One stream. `count` is the number that it was sent last."""

    stream: LiveStream
    standing: Standing
    count: int | None = None


@dataclass(slots=True)
class _Inbox:
    """A watched inbox. `lease` fires when the next lease ends."""

    watchers: set[InboxWatcher] = field(default_factory=set)
    lease: asyncio.TimerHandle | None = None


class SharedInboxes:
    """The watched inboxes of a worker."""

    def __init__(self, database: Database, standings: Standings) -> None:
        self._database = database
        self._standings = standings
        self._inboxes: dict[UUID, _Inbox] = {}
        self.marked = MarkedUsers(self._refresh)

    def receive(self, hint: Hint) -> None:
        """Count an inbox again, if anyone watches it."""
        if hint.topic is not Topic.EVENTS and hint.user_id in self._inboxes:
            self.marked.mark(hint.user_id)

    @contextmanager
    def joined(self, watcher: InboxWatcher) -> Iterator[None]:
        """Let a stream watch the inbox of its user; it gets the count soon."""
        user_id = watcher.standing.user_id
        self._inboxes.setdefault(user_id, _Inbox()).watchers.add(watcher)
        self.marked.mark(user_id)
        try:
            yield
        finally:
            inbox = self._inboxes[user_id]
            inbox.watchers.remove(watcher)
            if not inbox.watchers:
                del self._inboxes[user_id]
                if inbox.lease:
                    inbox.lease.cancel()

    async def heal(self) -> None:
        """Count all inboxes again, and end streams whose authentication no longer holds."""
        # Not concurrently: of two counts, the older one could be sent last.
        for user_id in self._inboxes:
            self.marked.mark(user_id)

    async def _refresh(self, users: Collection[UUID]) -> None:
        await self._check_standings(users)
        rows = await self._database.fetch(COUNT_WAITING, user_ids=list(users))
        for user_id, count, seconds in rows:
            inbox = self._inboxes.get(user_id)
            if inbox is None:
                continue
            self._wait_for_lease(inbox, user_id, seconds)
            message = messages.waiting(count)
            for watcher in inbox.watchers:
                if watcher.count != count:
                    watcher.count = count
                    watcher.stream.offer((message,), len(message))

    def _wait_for_lease(self, inbox: _Inbox, user_id: UUID, seconds: float | None) -> None:
        if inbox.lease:
            inbox.lease.cancel()
            inbox.lease = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            inbox.lease = loop.call_later(max(seconds, 0), self.marked.mark, user_id)

    async def _check_standings(self, users: Iterable[UUID]) -> None:
        watchers = [
            watcher
            for user_id in users
            if (inbox := self._inboxes.get(user_id))
            for watcher in inbox.watchers
        ]
        broken = await self._standings.broken({watcher.standing for watcher in watchers})
        for watcher in watchers:
            if reason := broken.get(watcher.standing):
                watcher.stream.end(reason)

"""Streams of changes of a worker, and what they share."""

from dataclasses import dataclass
from functools import partial

from server.libraries.common.periodic import repeat
from server.libraries.database.pool import Database
from server.libraries.hints.hints import Hints
from server.libraries.hints.refreshing import POLL_SECONDS, Healing
from server.libraries.rpc.live_stream import LiveStreams
from server.libraries.rpc.server import Background
from server.programs.worker.authentication import Authentication
from server.services.auth.standing import Standings
from server.services.event.repository import EventRepository
from server.services.event.watch.repository import WatchRepository
from server.services.event.watch.shared_feeds import SharedFeeds
from server.services.inbox.watch.shared_inboxes import SharedInboxes


@dataclass(frozen=True)
class Watching:
    """The streams of a worker that wait for changes."""

    hints: Hints
    streams: LiveStreams
    events: EventRepository
    feeds: SharedFeeds
    inboxes: SharedInboxes
    standings: Standings

    def background(self) -> list[Background]:
        """Return the jobs that read what hints name, and look for what was missed."""
        jobs: list[Background] = []
        for name, shared in (("feeds", self.feeds), ("inboxes", self.inboxes)):
            healing = Healing(self.hints, shared.heal)
            self.hints.subscribe(shared.receive)
            self.hints.on_missed(healing.missed)
            jobs.append(shared.marked.run)
            jobs.append(
                partial(
                    repeat,
                    healing,
                    name=f"watched_{name}",
                    interval_seconds=POLL_SECONDS,
                    wake=healing.wake,
                )
            )
        return jobs


def build_watching(hints: Hints, database: Database, authentication: Authentication) -> Watching:
    """Build what the streams share."""
    events = EventRepository(database)
    standings = Standings(database, authentication.password_repository, authentication.passwords)
    return Watching(
        hints=hints,
        streams=LiveStreams(),
        events=events,
        feeds=SharedFeeds(WatchRepository(database, events)),
        inboxes=SharedInboxes(database, standings),
        standings=standings,
    )

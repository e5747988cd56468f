"""The repository of what watchers share: changes of users, and the secrets that are still right."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from server.libraries.database.incarnation import Incarnation
from server.libraries.database.pool import Database
from server.services.event.changes import Entry, UserRows, by_user
from server.services.event.cursor import BEGINNING, LAST_ID
from server.services.event.read_statements import GET_SHARED_CHANGES
from server.services.event.repository import EventRepository
from server.services.event.watch.statements import GET_INVALID_SECRETS, GET_MOVED_USERS


class WatchRepository:
    """Reads for all watchers of a worker at once."""

    def __init__(self, database: Database, events: EventRepository) -> None:
        self._database = database
        self._events = events

    async def incarnation(self) -> Incarnation:
        """Return the identity of the database, for cursors."""
        return await self._events.incarnation()

    async def changes(
        self, positions: Mapping[UUID, datetime], *, max_bytes: int
    ) -> dict[UUID, UserRows]:
        """Return the changes of each user after a time, the oldest up to `max_bytes` in total."""
        rows = await self._database.fetch(
            GET_SHARED_CHANGES,
            user_ids=list(positions),
            secrets=[""] * len(positions),
            times=list(positions.values()),
            positions=[LAST_ID] * len(positions),
            beginnings=[BEGINNING] * len(positions),
            max_bytes=max_bytes,
        )
        return by_user(rows)

    async def invalid(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the users and secrets of `entries` that do not belong together."""
        rows = await self._database.fetch(
            GET_INVALID_SECRETS,
            user_ids=[user_id for user_id, _ in entries],
            secrets=[secret for _, secret in entries],
        )
        return [(row["user_id"], row["secret"]) for row in rows]

    async def moved(self, positions: Mapping[UUID, datetime]) -> list[UUID]:
        """Return the users whose newest change is not at the given time."""
        rows = await self._database.fetch(
            GET_MOVED_USERS, user_ids=list(positions), times=list(positions.values())
        )
        return [row["user_id"] for row in rows]

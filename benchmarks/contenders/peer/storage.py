"""What the routes ask of the database, whichever way it is reached."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from benchmarks.contenders.peer.messages import (
    Events,
    FollowedUser,
    InboxMessage,
    Profile,
    PutEvent,
)
from benchmarks.contenders.sessions import Session
from server.services.credentials.password_hashing import HashedPassword


class Storage(AbstractAsyncContextManager["Storage"], Protocol):
    """The database. A connection is held for no longer than one of these takes."""

    async def user(self, id_or_lookup: UUID | str) -> Profile | None:
        """A user's profile."""
        ...

    async def users(self, ids: Sequence[UUID]) -> list[Profile]:
        """The profiles of those that there are."""
        ...

    async def password(self, user_id: UUID) -> HashedPassword | None:
        """The hash of the user's password."""
        ...

    async def put_event(self, event: PutEvent) -> None:
        """Publishes, or replaces. Raises NotFound."""
        ...

    async def events(self, users: Sequence[FollowedUser]) -> Events:
        """The events of those whose secret is right."""
        ...

    async def put_message(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Puts it into the inbox. Raises NotFound."""
        ...

    async def take_messages(self, user_id: UUID) -> list[InboxMessage]:
        """Removes and returns the messages, oldest first."""
        ...

    async def login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """The user whose id, username or lookup it is."""
        ...

    async def start_session(self, user_id: UUID, hashed: HashedPassword, session: Session) -> None:
        """Stores a session and its refresh token."""
        ...

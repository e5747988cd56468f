"""Interface of the database layers."""

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
    """A database layer. Each method holds a connection only while it runs."""

    async def user(self, id_or_lookup: UUID | str) -> Profile | None:
        """Return a user's profile, or None."""
        ...

    async def users(self, ids: Sequence[UUID]) -> list[Profile]:
        """Return the profiles of the users that exist."""
        ...

    async def password(self, user_id: UUID) -> HashedPassword | None:
        """Return the hash of the user's password, or None."""
        ...

    async def put_event(self, event: PutEvent) -> None:
        """Publish or replace an event. Raise NotFound."""
        ...

    async def events(self, users: Sequence[FollowedUser]) -> Events:
        """Return the events of the users whose follow secret is valid."""
        ...

    async def put_message(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Put a message into the inbox. Raise NotFound."""
        ...

    async def take_messages(self, user_id: UUID) -> list[InboxMessage]:
        """Remove and return the messages, oldest first."""
        ...

    async def login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """Return the user with this id, username or lookup, or None."""
        ...

    async def start_session(self, user_id: UUID, hashed: HashedPassword, session: Session) -> None:
        """Store a session and its refresh token."""
        ...

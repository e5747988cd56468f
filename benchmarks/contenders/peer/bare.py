"""Database layer on bare asyncpg, with Gymlocker's SQL."""

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID, uuid4

from asyncpg import Record

from benchmarks.contenders import statements
from benchmarks.contenders.peer.messages import (
    Event,
    Events,
    FollowedUser,
    InboxMessage,
    Profile,
    PutEvent,
)
from benchmarks.contenders.pool import make_pool
from benchmarks.contenders.sessions import LIFETIME, Session
from server.errors import no_such_user
from server.libraries.common.text import uuid_in
from server.libraries.database.statement import Statement
from server.services.credentials.password_hashing import HashedPassword
from server.services.credentials.username import login_keys


class BareStorage:
    """Storage over bare asyncpg."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        # A pool belongs to the event loop that creates it.
        self._pool = await make_pool(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def user(self, id_or_lookup: UUID | str) -> Profile | None:
        """Return a user's profile, or None."""
        if isinstance(id_or_lookup, UUID):
            rows = await self._fetch(statements.GET_USER, id=id_or_lookup)
        else:
            rows = await self._fetch(statements.GET_USER_BY_LOOKUP, lookup=id_or_lookup)
        return _profile(rows[0]) if rows else None

    async def users(self, ids: Sequence[UUID]) -> list[Profile]:
        """Return the profiles of the users that exist."""
        rows = await self._fetch(statements.GET_USERS, ids=ids, max_bytes=statements.MAX_BYTES)
        return [_profile(row) for row in rows]

    async def password(self, user_id: UUID) -> HashedPassword | None:
        """Return the hash of the user's password, or None."""
        rows = await self._fetch(statements.GET_PASSWORD, user_id=user_id)
        return _hashed(rows[0]) if rows else None

    async def put_event(self, event: PutEvent) -> None:
        """Publish or replace an event. Raise NotFound."""
        stored = await self._fetch(
            statements.PUT_EVENT,
            owner_id=event.user_id,
            event_id=event.event_id,
            event_expiry=event.expiry,
            payload=event.encrypted_event_payload,
            size=len(event.encrypted_event_payload),
            iv=event.encrypted_event_iv,
        )
        if not stored:
            raise no_such_user()

    async def events(self, users: Sequence[FollowedUser]) -> Events:
        """Return the events of the users whose follow secret is valid."""
        rows = await self._fetch(
            statements.GET_EVENTS,
            user_ids=[user.user_id for user in users],
            secrets=[user.follow_secret for user in users],
            times=[user.since for user in users],
            max_bytes=statements.MAX_BYTES,
        )
        # A user requested with two valid secrets must not result in duplicate events.
        found = {
            (row["requested_user_id"], row["id"]): row for row in rows if row["id"] is not None
        }
        invalid = dict.fromkeys(row["secret"] for row in rows if not row["valid"])
        return Events(
            events=[_event(row) for row in found.values()], invalid_follow_secrets=list(invalid)
        )

    async def put_message(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Put a message into the inbox. Raise NotFound."""
        stored = await self._fetch(
            statements.PUT_INBOX,
            id=uuid4(),
            owner_id=user_id,
            encrypted_message=message,
            size=sum(map(len, message)),
            network=None,
            max_messages=0,
        )
        if not stored:
            raise no_such_user()

    async def take_messages(self, user_id: UUID) -> list[InboxMessage]:
        """Remove and return the messages, oldest first."""
        rows = await self._fetch(statements.TAKE_INBOX, owner_id=user_id)
        return [
            InboxMessage(id=row["id"], encrypted_message=row["encrypted_message"]) for row in rows
        ]

    async def login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """Return the user with this id, username or lookup, or None."""
        user_id = uuid_in(name)
        if user_id is not None:
            rows = await self._fetch(statements.GET_LOGIN_BY_ID, id=user_id)
        else:
            rows = await self._fetch(
                statements.GET_LOGIN_BY_NAME, username_keys=login_keys(name), name=name
            )
        return (rows[0]["id"], _hashed(rows[0])) if rows else None

    async def start_session(self, user_id: UUID, hashed: HashedPassword, session: Session) -> None:
        """Store a session and its refresh token."""
        await self._fetch(
            statements.START_SESSION,
            user_id=user_id,
            key=hashed.key,
            session_id=session.id,
            generation=1,
            hash=session.refresh_hash,
            family=session.family_hash,
            lifetime=LIFETIME,
            user_agent=None,
        )

    async def _fetch(self, statement: Statement, **parameters: Any) -> list[Record]:
        rows: list[Record] = await self._pool.fetch(statement.sql, *statement.arguments(parameters))
        return rows


def _profile(row: Record) -> Profile:
    return Profile(
        id=row["id"],
        lookup=row["user_lookup"],
        encrypted_current_plan=row["encrypted_current_plan"],
        encrypted_profile_picture=row["encrypted_profile_picture"],
        encrypted_name=row["encrypted_name"],
        encryption_iv=row["encryption_iv"],
        rsa_public_key=row["rsa_public_key"],
    )


def _event(row: Record) -> Event:
    return Event(
        user_id=row["requested_user_id"],
        event_id=row["id"],
        timestamp=row["timestamp"],
        encrypted_event_payload=row["encrypted_event"],
        encrypted_event_iv=row["encryption_iv"],
        expiry=row["expiry"],
    )


def _hashed(row: Record) -> HashedPassword:
    return HashedPassword(row["hashed_password"], row["salt"])

"""Database layer on SQLAlchemy's ORM, as its documentation recommends: a session per request.

Entities are read whole and converted to responses by attribute. Upserts are PostgreSQL's, because
the ORM has none. No session is open while a password is hashed.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    DateTime,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker

from benchmarks.contenders.peer.engine import make_engine
from benchmarks.contenders.peer.feed import FeedRequest
from benchmarks.contenders.peer.messages import (
    Event,
    Events,
    FollowedUser,
    InboxMessage,
    Profile,
    PutEvent,
)
from benchmarks.contenders.peer.models import (
    FollowSecret,
    InboxItem,
    LoginSession,
    RefreshToken,
    User,
    UserEvent,
    UserEventClock,
)
from benchmarks.contenders.sessions import LIFETIME, Session
from server.errors import no_such_user
from server.libraries.common.text import caseless, uuid_in
from server.services.credentials.password_hashing import HashedPassword

REPLACED = ("timestamp", "last_accessed", "expiry", "encrypted_event", "encryption_iv")

_IDS = bindparam("ids", type_=ARRAY(Uuid))
# One parameter for all ids, as in Gymlocker's SQL; `in_` would create one for each.
USERS = select(User).where(User.id == any_(_IDS))
SECRETS = select(FollowSecret.user_id, FollowSecret.value).where(FollowSecret.user_id == any_(_IDS))
_REQUESTED = (
    func.unnest(
        _IDS,
        bindparam("times", type_=ARRAY(DateTime(timezone=True))),
    )
    .table_valued(column("user_id", Uuid), column("since", DateTime(timezone=True)))
    .render_derived("requested")
)
_IS_NEW = and_(UserEvent.user_id == _REQUESTED.c.user_id, UserEvent.timestamp > _REQUESTED.c.since)
NEW_EVENTS = (
    select(UserEvent)
    .join(_REQUESTED, _IS_NEW)
    .where(UserEvent.expiry > func.now())
    .order_by(UserEvent.timestamp)
)


class OrmStorage:
    """Storage over SQLAlchemy's ORM."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()

    async def user(self, id_or_lookup: UUID | str) -> Profile | None:
        """Return a user's profile, or None."""
        async with self._sessions() as session:
            if isinstance(id_or_lookup, UUID):
                user = await session.get(User, id_or_lookup)
            else:
                user = await session.scalar(select(User).where(User.lookup == id_or_lookup))
        return Profile.model_validate(user) if user else None

    async def users(self, ids: Sequence[UUID]) -> list[Profile]:
        """Return the profiles of the users that exist."""
        async with self._sessions() as session:
            users = await session.scalars(USERS, {"ids": ids})
            return [Profile.model_validate(user) for user in users]

    async def password(self, user_id: UUID) -> HashedPassword | None:
        """Return the hash of the user's password, or None."""
        found = select(User.hashed_password, User.salt).where(User.id == user_id)
        async with self._sessions() as session:
            row = (await session.execute(found)).one_or_none()
        return HashedPassword(row.hashed_password, row.salt) if row else None

    async def put_event(self, event: PutEvent) -> None:
        """Publish or replace an event. Raise NotFound."""
        now = func.clock_timestamp()
        later = UserEventClock.timestamp + timedelta(microseconds=1)
        tick = (
            insert(UserEventClock)
            .values(user_id=event.user_id, timestamp=now)
            .on_conflict_do_update(
                index_elements=[UserEventClock.user_id],
                set_={"timestamp": func.greatest(now, later)},
            )
            .returning(UserEventClock.timestamp)
        )
        try:
            async with self._sessions.begin() as session:
                time = await session.scalar(tick)
                put = insert(UserEvent).values(
                    user_id=event.user_id,
                    event_id=event.event_id,
                    timestamp=time,
                    last_accessed=time,
                    expiry=event.expiry,
                    encrypted_event_payload=event.encrypted_event_payload,
                    encrypted_event_iv=event.encrypted_event_iv,
                )
                await session.execute(
                    put.on_conflict_do_update(
                        index_elements=[UserEvent.user_id, UserEvent.event_id],
                        set_={name: put.excluded[name] for name in REPLACED},
                    )
                )
        except IntegrityError:
            raise no_such_user() from None

    async def events(self, users: Sequence[FollowedUser]) -> Events:
        """Return the events of the users whose follow secret is valid."""
        ids = [user.user_id for user in users]
        async with self._sessions() as session:
            secrets = await session.execute(SECRETS, {"ids": ids})
            known = {(row.user_id, row.value) for row in secrets}
            request = FeedRequest(users, known)
            events = await session.scalars(NEW_EVENTS, request.parameters)
            return request.response([Event.model_validate(event) for event in events])

    async def put_message(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Put a message into the inbox. Raise NotFound."""
        try:
            async with self._sessions.begin() as session:
                session.add(InboxItem(id=uuid4(), user_id=user_id, encrypted_message=list(message)))
        except IntegrityError:
            raise no_such_user() from None

    async def take_messages(self, user_id: UUID) -> list[InboxMessage]:
        """Remove and return the messages, oldest first."""
        take = delete(InboxItem).where(InboxItem.user_id == user_id).returning(InboxItem)
        async with self._sessions.begin() as session:
            items = list(await session.scalars(take))
        # Messages without a time are from before the column existed: the oldest.
        items.sort(key=lambda item: (item.received is not None, item.received, item.id))
        return [InboxMessage.model_validate(item) for item in items]

    async def login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """Return the user with this id, username or lookup, or None."""
        found = select(User.id, User.hashed_password, User.salt)
        user_id = uuid_in(name)
        if user_id is not None:
            found = found.where(User.id == user_id)
        else:
            has_name = or_(User.username_key == caseless(name), User.lookup == name)
            # Prefer the lookup, which users cannot choose.
            found = found.where(has_name).order_by((User.lookup == name).desc()).limit(1)
        async with self._sessions() as session:
            row = (await session.execute(found)).one_or_none()
        return (row.id, HashedPassword(row.hashed_password, row.salt)) if row else None

    async def start_session(self, user_id: UUID, hashed: HashedPassword, session: Session) -> None:
        """Store a session and its refresh token."""
        now = datetime.now(UTC)
        async with self._sessions.begin() as database:
            database.add(
                LoginSession(user_id=user_id, id=session.id, created=now, expiry=now + LIFETIME)
            )
            # The token references the session.
            await database.flush()
            database.add(
                RefreshToken(hash=session.refresh_hash, user_id=user_id, session_id=session.id)
            )

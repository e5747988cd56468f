"""Database layer on SQLAlchemy's Core. Reads need no transaction and use AUTOCOMMIT."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    DateTime,
    Executable,
    Row,
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
from benchmarks.contenders.sessions import LIFETIME, Session
from server.errors import no_such_user
from server.libraries.common.text import caseless, uuid_in
from server.libraries.database.schema import (
    refresh_tokens,
    sessions,
    user_event_clocks,
    user_events,
    user_follow_secrets,
    user_inbox_items,
    users,
)
from server.services.credentials.password_hashing import HashedPassword

REPLACED = ("timestamp", "last_accessed", "expiry", "encrypted_event", "encryption_iv")

# Columns have the names of response fields.
PROFILE = select(
    users.c.id,
    users.c.user_lookup.label("lookup"),
    users.c.encrypted_current_plan,
    users.c.encrypted_profile_picture,
    users.c.encrypted_name,
    users.c.encryption_iv,
    users.c.rsa_public_key,
)
_IDS = bindparam("ids", type_=ARRAY(Uuid))
# One parameter for all ids, as in Gymlocker's SQL; `in_` would create one for each.
PROFILES = PROFILE.where(users.c.id == any_(_IDS))
SECRETS = select(user_follow_secrets.c.user_id, user_follow_secrets.c.value).where(
    user_follow_secrets.c.user_id == any_(_IDS)
)
_REQUESTED = (
    func.unnest(
        _IDS,
        bindparam("times", type_=ARRAY(DateTime(timezone=True))),
    )
    .table_valued(column("user_id", Uuid), column("since", DateTime(timezone=True)))
    .render_derived("requested")
)
_IS_NEW = and_(
    user_events.c.user_id == _REQUESTED.c.user_id, user_events.c.timestamp > _REQUESTED.c.since
)
NEW_EVENTS = (
    select(
        user_events.c.user_id,
        user_events.c.id.label("event_id"),
        user_events.c.timestamp,
        user_events.c.encrypted_event.label("encrypted_event_payload"),
        user_events.c.encryption_iv.label("encrypted_event_iv"),
        user_events.c.expiry,
    )
    .join(_REQUESTED, _IS_NEW)
    .where(user_events.c.expiry > func.now())
    .order_by(user_events.c.timestamp)
)


class CoreStorage:
    """Storage over SQLAlchemy's Core."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()

    async def user(self, id_or_lookup: UUID | str) -> Profile | None:
        """Return a user's profile, or None."""
        by_id = isinstance(id_or_lookup, UUID)
        key = users.c.id if by_id else users.c.user_lookup
        rows = await self._read(PROFILE.where(key == id_or_lookup))
        return Profile.model_validate(rows[0]) if rows else None

    async def users(self, ids: Sequence[UUID]) -> list[Profile]:
        """Return the profiles of the users that exist."""
        rows = await self._read(PROFILES, {"ids": ids})
        return [Profile.model_validate(row) for row in rows]

    async def password(self, user_id: UUID) -> HashedPassword | None:
        """Return the hash of the user's password, or None."""
        found = select(users.c.hashed_password, users.c.salt).where(users.c.id == user_id)
        rows = await self._read(found)
        return HashedPassword(rows[0].hashed_password, rows[0].salt) if rows else None

    async def put_event(self, event: PutEvent) -> None:
        """Publish or replace an event. Raise NotFound."""
        now = func.clock_timestamp()
        later = user_event_clocks.c.timestamp + timedelta(microseconds=1)
        tick = (
            insert(user_event_clocks)
            .values(user_id=event.user_id, timestamp=now)
            .on_conflict_do_update(
                index_elements=[user_event_clocks.c.user_id],
                set_={"timestamp": func.greatest(now, later)},
            )
            .returning(user_event_clocks.c.timestamp)
        )
        try:
            async with self._engine.begin() as connection:
                time = await connection.scalar(tick)
                put = insert(user_events).values(
                    user_id=event.user_id,
                    id=event.event_id,
                    timestamp=time,
                    last_accessed=time,
                    expiry=event.expiry,
                    encrypted_event=event.encrypted_event_payload,
                    encryption_iv=event.encrypted_event_iv,
                )
                await connection.execute(
                    put.on_conflict_do_update(
                        index_elements=[user_events.c.user_id, user_events.c.id],
                        set_={name: put.excluded[name] for name in REPLACED},
                    )
                )
        except IntegrityError:
            raise no_such_user() from None

    async def events(self, users: Sequence[FollowedUser]) -> Events:
        """Return the events of the users whose follow secret is valid."""
        ids = [user.user_id for user in users]
        async with self._reader.connect() as connection:
            secrets = await connection.execute(SECRETS, {"ids": ids})
            known = {(row.user_id, row.value) for row in secrets}
            request = FeedRequest(users, known)
            rows = await connection.execute(NEW_EVENTS, request.parameters)
            return request.response([Event.model_validate(row) for row in rows])

    async def put_message(self, user_id: UUID, message: Sequence[bytes]) -> None:
        """Put a message into the inbox. Raise NotFound."""
        put = insert(user_inbox_items).values(
            id=uuid4(), user_id=user_id, encrypted_message=message
        )
        try:
            async with self._engine.begin() as connection:
                await connection.execute(put)
        except IntegrityError:
            raise no_such_user() from None

    async def take_messages(self, user_id: UUID) -> list[InboxMessage]:
        """Remove and return the messages, oldest first."""
        items = user_inbox_items.c
        take = delete(user_inbox_items).where(items.user_id == user_id)
        async with self._engine.begin() as connection:
            returned = take.returning(items.id, items.encrypted_message, items.received)
            rows = list(await connection.execute(returned))
        # Messages without a time are from before the column existed: the oldest.
        rows.sort(key=lambda row: (row.received is not None, row.received, row.id))
        return [InboxMessage.model_validate(row) for row in rows]

    async def login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """Return the user with this id, username or lookup, or None."""
        found = select(users.c.id, users.c.hashed_password, users.c.salt)
        user_id = uuid_in(name)
        if user_id is not None:
            found = found.where(users.c.id == user_id)
        else:
            has_name = or_(users.c.username_key == caseless(name), users.c.user_lookup == name)
            # Prefer the lookup, which users cannot choose.
            found = found.where(has_name).order_by((users.c.user_lookup == name).desc()).limit(1)
        rows = await self._read(found)
        if not rows:
            return None
        return rows[0].id, HashedPassword(rows[0].hashed_password, rows[0].salt)

    async def start_session(self, user_id: UUID, hashed: HashedPassword, session: Session) -> None:
        """Store a session and its refresh token."""
        start = insert(sessions).values(
            user_id=user_id, id=session.id, created=func.now(), expiry=func.now() + LIFETIME
        )
        token = insert(refresh_tokens).values(
            hash=session.refresh_hash, user_id=user_id, session_id=session.id
        )
        async with self._engine.begin() as connection:
            await connection.execute(start)
            await connection.execute(token)

    async def _read(
        self, statement: Executable, parameters: dict[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        async with self._reader.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

"""SQL of access keys. They are stored as their SHA-256."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    LargeBinary,
    Text,
    Uuid,
    any_,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.errors import Unauthenticated, no_such_user, session_ended
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import Timestamp, access_keys, sessions, users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded
from server.services.auth.access_keys import AccessKey, hash_of

# Keys of one user that have not expired.
MAX_KEYS = 50

_OF_USER = access_keys.c.user_id == bindparam("user_id")
_HAS_EXPIRED = access_keys.c.expiry <= func.now()
_FIND = Statement(
    select(
        access_keys.c.user_id,
        access_keys.c.id.label("key_id"),
        access_keys.c.scopes,
        users.c.disabled.is_not(None).label("is_disabled"),
    )
    .join(users, users.c.id == access_keys.c.user_id)
    .where(
        access_keys.c.hash == bindparam("hash", type_=LargeBinary),
        or_(access_keys.c.expiry.is_(None), access_keys.c.expiry > func.now()),
    )
)
# Waits for other creations of keys of this user, and for a change of the password.
_LOCK_USER = Statement(
    select(users.c.id).where(users.c.id == bindparam("user_id")).with_for_update(key_share=True)
)
_DELETE_EXPIRED = Statement(delete(access_keys).where(_OF_USER, _HAS_EXPIRED))
_COUNT = Statement(select(func.count()).select_from(access_keys).where(_OF_USER))
_CREATE = Statement(
    insert(access_keys)
    .values(
        user_id=bindparam("user_id"),
        id=bindparam("id"),
        hash=bindparam("hash"),
        name=bindparam("name"),
        scopes=bindparam("scopes", type_=ARRAY(Text)),
        created=func.now(),
        expiry=bindparam("expiry", type_=Timestamp),
    )
    .returning(access_keys.c.created)
)
_GET_AGE = Statement(
    select(func.now() - sessions.c.created).where(
        sessions.c.user_id == bindparam("user_id"),
        sessions.c.id == bindparam("session_id"),
        sessions.c.expiry > func.now(),
    )
)
_COLUMNS = (
    access_keys.c.id,
    access_keys.c.name,
    access_keys.c.scopes,
    access_keys.c.created,
    access_keys.c.expiry,
    access_keys.c.last_used,
)
_LIST = Statement(
    select(*_COLUMNS)
    .where(_OF_USER)
    .order_by(access_keys.c.created.desc(), access_keys.c.id.desc())
)
_DELETE = Statement(
    delete(access_keys).where(_OF_USER, access_keys.c.id == bindparam("id")).returning(literal(1))
)
_this_minute = func.date_trunc("minute", func.now(), type_=Timestamp)
_TOUCH = Statement(
    update(access_keys)
    .where(
        access_keys.c.id.in_(
            # Workers must not wait for one another, nor for a deletion.
            select(access_keys.c.id)
            .where(
                access_keys.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
                access_keys.c.user_id == any_(bindparam("user_ids", type_=ARRAY(Uuid))),
                or_(access_keys.c.last_used.is_(None), access_keys.c.last_used < _this_minute),
            )
            .with_for_update(skip_locked=True)
        ),
        access_keys.c.user_id == any_(bindparam("user_ids", type_=ARRAY(Uuid))),
    )
    .values(last_used=_this_minute)
)


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The user of a valid access key, and its scopes."""

    user_id: UUID
    key_id: UUID
    scopes: Collection[str]
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """An access key to store."""

    key: str = field(repr=False)
    name: str
    scopes: list[str]
    expiry: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequiredSession:
    """A session that must be alive, and at most `max_age` old if that is given."""

    id: UUID | None
    max_age: timedelta | None


class AccessKeyRepository:
    """Store of access keys. A use is recorded to the minute, in batches (`touch`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: str) -> KeyOwner | None:
        """Return the owner of a key, None if there is no such key or it has expired."""
        row = await self._database.fetch_one(_FIND, hash=hash_of(key))
        return KeyOwner(**row) if row else None

    async def create(
        self, user_id: UUID, new: NewAccessKey, session: RequiredSession | None = None
    ) -> AccessKey:
        """Store a new key of a user, and remove those that have expired.

        Raise NotFound if there is no such user, ResourceExhausted if they have 50 other keys,
        Unauthenticated if the session that is required has ended or is too old.
        """

        async def action(connection: Connection) -> AccessKey:
            if await connection.fetchrow(_LOCK_USER.sql, user_id) is None:
                raise no_such_user()
            if session is not None:
                await _require_session(connection, user_id, session)
            await connection.execute(_DELETE_EXPIRED.sql, user_id)
            if await connection.fetchval(_COUNT.sql, user_id) >= MAX_KEYS:
                raise quota_exceeded(f"{MAX_KEYS} access keys")
            key_id = uuid4()
            values = {"user_id": user_id, "id": key_id, "hash": hash_of(new.key), "name": new.name}
            values |= {"scopes": new.scopes, "expiry": new.expiry}
            created = await connection.fetchval(_CREATE.sql, *_CREATE.arguments(values))
            return AccessKey(key_id, new.name, new.scopes, created, new.expiry)

        return await self._database.transact(action)

    async def list(self, user_id: UUID) -> list[AccessKey]:
        """Return the keys of a user, newest first, those that have expired included."""
        rows = await self._database.fetch(_LIST, user_id=user_id)
        return [AccessKey(**row) for row in rows]

    async def delete(self, user_id: UUID, key_id: UUID) -> bool:
        """Delete a key of a user; return False if the user has no such key."""
        return bool(await self._database.fetch_one(_DELETE, user_id=user_id, id=key_id))

    async def touch(self, keys: Collection[tuple[UUID, UUID]]) -> None:
        """Record that these keys, by user and id, were used in this minute."""
        user_ids, ids = map(list, zip(*keys, strict=True))
        await self._database.execute(_TOUCH, user_ids=user_ids, ids=ids)


async def _require_session(connection: Connection, user_id: UUID, session: RequiredSession) -> None:
    arguments = _GET_AGE.arguments({"user_id": user_id, "session_id": session.id})
    age = await connection.fetchval(_GET_AGE.sql, *arguments)
    if age is None:
        raise session_ended()
    if session.max_age is not None and age > session.max_age:
        raise Unauthenticated(
            "The login is too long ago. Log in again, or send the password.",
            reason="RECENT_LOGIN_REQUIRED",
        )

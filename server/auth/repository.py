"""The SQL of passwords and sessions."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    Interval,
    LargeBinary,
    bindparam,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.auth.password import HashedPassword
from server.database.engine import Connection, Database
from server.database.schema import refresh_tokens, sessions, users
from server.database.statement import Statement
from server.rpc.caller import Caller

# Of one user. The oldest ends when there are more.
MOST_SESSIONS = 100

_GET_PASSWORD = Statement(
    select(users.c.hashed_password, users.c.salt).where(users.c.id == bindparam("user_id"))
)
_CHANGE_PASSWORD = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.hashed_password == bindparam("until_now"))
    .values(hashed_password=bindparam("key"), salt=bindparam("new_salt"))
    .returning(users.c.id)
)
_END_ALL = Statement(delete(sessions).where(sessions.c.user_id == bindparam("user_id")))

_LIFETIME = bindparam("lifetime", type_=Interval)

# Waits for a change of the password that is under way, and then finds the user's hash changed.
_owner = (
    select(users.c.id, bindparam("session_id", type_=sessions.c.id.type))
    .add_columns(func.now(), func.now() + _LIFETIME)
    .where(users.c.id == bindparam("user_id"), users.c.hashed_password == bindparam("key"))
    .with_for_update(read=True)
)
_started = (
    insert(sessions)
    .from_select(["user_id", "id", "created", "expiry"], _owner)
    .returning(sessions.c.user_id, sessions.c.id)
    .cte("started")
)
_oldest = (
    select(sessions.c.id)
    .where(sessions.c.user_id == bindparam("user_id"))
    .order_by(sessions.c.created.desc())
    .offset(MOST_SESSIONS - 1)
)
_forgotten = (
    delete(sessions)
    .where(sessions.c.user_id == bindparam("user_id"), sessions.c.id.in_(_oldest))
    .cte("forgotten")
)
_START = Statement(
    insert(refresh_tokens)
    .from_select(
        ["hash", "user_id", "session_id"],
        select(bindparam("hash", type_=LargeBinary), _started.c.user_id, _started.c.id),
    )
    .returning(refresh_tokens.c.session_id)
    .add_cte(_forgotten)
)

_OF_TOKEN = (
    sessions.c.user_id == refresh_tokens.c.user_id,
    sessions.c.id == refresh_tokens.c.session_id,
)
# The session before its token: in this order they are deleted, too.
_locked = (
    select(sessions.c.user_id, sessions.c.id)
    .where(
        refresh_tokens.c.hash == bindparam("spent", type_=LargeBinary),
        *_OF_TOKEN,
        sessions.c.expiry > func.now(),
    )
    .with_for_update(of=sessions)
    .cte("locked")
)
_spent = (
    update(refresh_tokens)
    .where(
        refresh_tokens.c.hash == bindparam("spent", type_=LargeBinary),
        refresh_tokens.c.used.is_(None),
        refresh_tokens.c.user_id == _locked.c.user_id,
        refresh_tokens.c.session_id == _locked.c.id,
    )
    .values(used=func.now())
    .returning(refresh_tokens.c.user_id, refresh_tokens.c.session_id)
    .cte("spent")
)
_extended = (
    update(sessions)
    .where(sessions.c.user_id == _spent.c.user_id, sessions.c.id == _spent.c.session_id)
    .values(expiry=func.now() + _LIFETIME)
    .returning(sessions.c.user_id, sessions.c.id)
    .cte("extended")
)
_CONTINUE = Statement(
    insert(refresh_tokens)
    .from_select(
        ["hash", "user_id", "session_id"],
        select(bindparam("hash", type_=LargeBinary), _extended.c.user_id, _extended.c.id),
    )
    .returning(refresh_tokens.c.user_id, refresh_tokens.c.session_id)
)
_IS_ALIVE = Statement(
    select(literal(1)).where(
        sessions.c.user_id == bindparam("user_id"),
        sessions.c.id == bindparam("session_id"),
        sessions.c.expiry > func.now(),
    )
)
_END = Statement(delete(sessions).where(*_OF_TOKEN, refresh_tokens.c.hash == bindparam("hash")))
_END_IF_USED = Statement(
    delete(sessions)
    .where(
        *_OF_TOKEN,
        refresh_tokens.c.hash == bindparam("hash"),
        refresh_tokens.c.used.is_not(None),
    )
    .returning(literal(1))
)


class PasswordRepository:
    """The stored hashes of the users' passwords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """The user's hash, None if there is no such user."""
        row = await self._database.fetch_one(_GET_PASSWORD, user_id=user_id)
        return HashedPassword(row["hashed_password"], row["salt"]) if row else None

    async def change(
        self, user_id: UUID, until_now: HashedPassword, from_now: HashedPassword
    ) -> bool:
        """Changes the user's password and ends their sessions.

        False, and nothing is changed, if the password is no longer `until_now`.
        """
        change = {"user_id": user_id, "until_now": until_now.key}
        change |= {"key": from_now.key, "new_salt": from_now.salt}

        async def action(connection: Connection) -> bool:
            changed = await connection.fetchrow(
                _CHANGE_PASSWORD.sql, *_CHANGE_PASSWORD.arguments(change)
            )
            if changed is None:
                return False
            # A statement of its own: it sees the session of a login that the change waited for.
            await connection.execute(_END_ALL.sql, user_id)
            return True

        return await self._database.transact(action)


class SessionRepository:
    """The sessions, and their refresh tokens by their SHA-256."""

    def __init__(self, database: Database, *, lifetime: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime

    async def start(
        self, user_id: UUID, hashed: HashedPassword, session_id: UUID, refresh_hash: bytes
    ) -> bool:
        """Starts a session; False if the user's password is no longer `hashed`."""
        return bool(
            await self._database.fetch_one(
                _START,
                user_id=user_id,
                key=hashed.key,
                session_id=session_id,
                hash=refresh_hash,
                lifetime=self._lifetime,
            )
        )

    async def go_on(self, spent: bytes, refresh_hash: bytes) -> Caller | None:
        """Uses up one refresh token and stores the next; returns whose session it is.

        None if there is no such token, it has expired or was used before.
        """
        row = await self._database.fetch_one(
            _CONTINUE, spent=spent, hash=refresh_hash, lifetime=self._lifetime
        )
        return Caller(row["user_id"], row["session_id"]) if row else None

    async def is_alive(self, user_id: UUID, session_id: UUID) -> bool:
        """Whether the session goes on."""
        return bool(
            await self._database.fetch_one(_IS_ALIVE, user_id=user_id, session_id=session_id)
        )

    async def end(self, refresh_hash: bytes) -> None:
        """Ends the session that a refresh token belongs to, if there is one."""
        await self._database.execute(_END, hash=refresh_hash)

    async def end_if_used(self, refresh_hash: bytes) -> bool:
        """Ends the session of a refresh token that was used before; says whether there was one."""
        return bool(await self._database.fetch_one(_END_IF_USED, hash=refresh_hash))

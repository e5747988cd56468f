"""SQL of sessions and their refresh tokens.

A session counts generations. A refresh token and the access tokens issued with it belong to the
same generation. `sessions.confirmed` is the newest generation of which a token was used.
"""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes
from uuid import UUID

import asyncpg
from sqlalchemy import (
    Delete,
    Interval,
    LargeBinary,
    Text,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.pool import Database
from server.libraries.database.schema import refresh_tokens, sessions, users
from server.libraries.database.statement import Statement
from server.libraries.rpc.context import Caller
from server.services.auth.refresh_token import KEY_BYTES, RotatingToken
from server.services.credentials.password_hashing import HashedPassword

# Sessions of one user. A login beyond them ends the least recently used one.
MAX_SESSIONS = 100
# Spent refresh tokens of one session that a client may send again.
MAX_SPENT = 20

_LIFETIME = bindparam("lifetime", type_=Interval)
_GRACE = bindparam("grace", type_=Interval)
_FAMILY = bindparam("family", type_=LargeBinary)
_HASH = bindparam("hash", type_=LargeBinary)
_SPENT_HASH = bindparam("spent", type_=LargeBinary)
_GENERATION = bindparam("generation", type_=sessions.c.confirmed.type)

# Waits for a change of the password in flight, or for the operator who disables the user, and then
# no longer matches.
_owner = (
    select(users.c.id, bindparam("session_id", type_=sessions.c.id.type))
    .add_columns(func.now(), func.now() + _LIFETIME, func.now(), _FAMILY)
    .add_columns(bindparam("user_agent", type_=Text))
    .where(
        users.c.id == bindparam("user_id"),
        users.c.hashed_password == bindparam("key"),
        users.c.disabled.is_(None),
    )
    .with_for_update(read=True)
)
_started = (
    insert(sessions)
    .from_select(
        ["user_id", "id", "created", "expiry", "last_used", "family", "user_agent"], _owner
    )
    .returning(sessions.c.user_id, sessions.c.id)
    .cte("started")
)
# In releases before `last_used`, only a refresh extended a session.
_last_used = func.coalesce(sessions.c.last_used, sessions.c.expiry - _LIFETIME)
_least_recently_used = (
    select(sessions.c.id)
    .where(sessions.c.user_id == bindparam("user_id"))
    .order_by(_last_used.desc(), sessions.c.created.desc())
    .offset(MAX_SESSIONS - 1)
)
_evicted = (
    delete(sessions)
    .where(sessions.c.user_id == bindparam("user_id"), sessions.c.id.in_(_least_recently_used))
    .cte("evicted")
)
_START = Statement(
    insert(refresh_tokens)
    .from_select(
        ["hash", "user_id", "session_id", "generation"],
        select(_HASH, _started.c.user_id, _started.c.id, _GENERATION),
    )
    .returning(refresh_tokens.c.session_id)
    .add_cte(_evicted)
)

_OF_TOKEN = (
    sessions.c.user_id == refresh_tokens.c.user_id,
    sessions.c.id == refresh_tokens.c.session_id,
)
_IS_ALIVE = sessions.c.expiry > func.now()
# Locks the session before its token, as a deletion does.
_locked = (
    select(sessions.c.user_id, sessions.c.id, sessions.c.confirmed)
    .where(refresh_tokens.c.hash == _SPENT_HASH, *_OF_TOKEN, _IS_ALIVE)
    .with_for_update(of=sessions)
    .cte("locked")
)
_spent = (
    update(refresh_tokens)
    .where(
        refresh_tokens.c.hash == _SPENT_HASH,
        refresh_tokens.c.used.is_(None),
        refresh_tokens.c.user_id == _locked.c.user_id,
        refresh_tokens.c.session_id == _locked.c.id,
    )
    .values(
        used=func.now(),
        successor_key=bindparam("successor_key", type_=LargeBinary),
        # Workers of the release before generations issued tokens with generation 0.
        generation=func.greatest(refresh_tokens.c.generation, _locked.c.confirmed),
    )
    .returning(refresh_tokens.c.user_id, refresh_tokens.c.session_id, refresh_tokens.c.generation)
    .cte("spent_token")
)
# Keeps tokens without a generation: without a family, their reuse would not be detected.
_pruned = (
    delete(refresh_tokens)
    .where(
        refresh_tokens.c.user_id == _spent.c.user_id,
        refresh_tokens.c.session_id == _spent.c.session_id,
        refresh_tokens.c.generation > 0,
        refresh_tokens.c.used.is_not(None),
        or_(
            refresh_tokens.c.used < func.now() - _GRACE,
            refresh_tokens.c.generation <= _spent.c.generation - MAX_SPENT,
        ),
    )
    .cte("pruned")
)
_extended = (
    update(sessions)
    .where(sessions.c.user_id == _spent.c.user_id, sessions.c.id == _spent.c.session_id)
    .values(
        expiry=func.now() + _LIFETIME,
        last_used=func.now(),
        family=_FAMILY,
        confirmed=func.greatest(sessions.c.confirmed, _spent.c.generation),
    )
    .returning(sessions.c.user_id, sessions.c.id, _spent.c.generation)
    .cte("extended")
)
_ROTATE = Statement(
    insert(refresh_tokens)
    .from_select(
        ["hash", "user_id", "session_id", "generation"],
        select(_HASH, _extended.c.user_id, _extended.c.id, _extended.c.generation + 1),
    )
    .returning(refresh_tokens.c.user_id, refresh_tokens.c.session_id, refresh_tokens.c.generation)
    .add_cte(_pruned)
)
_REPEAT = Statement(
    update(sessions)
    .where(
        refresh_tokens.c.hash == _SPENT_HASH,
        *_OF_TOKEN,
        _IS_ALIVE,
        refresh_tokens.c.successor_key.is_not(None),
        or_(
            refresh_tokens.c.used > func.now() - _GRACE,
            sessions.c.confirmed <= refresh_tokens.c.generation,
        ),
    )
    .values(expiry=func.now() + _LIFETIME, last_used=func.now())
    .returning(
        sessions.c.user_id,
        sessions.c.id.label("session_id"),
        (refresh_tokens.c.generation + 1).label("generation"),
        refresh_tokens.c.successor_key,
    )
)
_of_family = select(sessions.c.user_id, sessions.c.id).where(sessions.c.family == _FAMILY)
_of_hash = select(refresh_tokens.c.user_id, refresh_tokens.c.session_id).where(
    refresh_tokens.c.hash == _HASH
)


def _end(*, only_used: bool) -> Delete:
    """Return the deletion of a token's session, by its family or, without one, by its hash."""
    token = _of_hash.where(refresh_tokens.c.used.is_not(None)) if only_used else _of_hash
    # A union instead of OR: each part uses its own index.
    of_session = union_all(_of_family, token)
    return delete(sessions).where(tuple_(sessions.c.user_id, sessions.c.id).in_(of_session))


_END = Statement(_end(only_used=False).returning(sessions.c.user_id))
_END_REUSED = Statement(_end(only_used=True).where(_IS_ALIVE).returning(sessions.c.user_id))

_of_caller = (
    sessions.c.user_id == bindparam("user_id"),
    sessions.c.id == bindparam("session_id"),
)
_is_unconfirmed = sessions.c.confirmed < _GENERATION
_GET = Statement(select(_is_unconfirmed.label("is_unconfirmed")).where(*_of_caller, _IS_ALIVE))
_CONFIRM = Statement(
    update(sessions)
    .where(*_of_caller, _is_unconfirmed)
    .values(confirmed=_GENERATION, last_used=func.now())
)


@dataclass(frozen=True, slots=True)
class RenewedSession:
    """A session and its next refresh token."""

    caller: Caller
    refresh_token: RotatingToken


class SessionRepository:
    """Store of sessions, and of the SHA-256 of their refresh tokens."""

    def __init__(self, database: Database, *, lifetime: timedelta, grace: timedelta) -> None:
        self._database = database
        self._lifetime = lifetime
        self._grace = grace

    async def start(
        self,
        caller: Caller,
        hashed: HashedPassword,
        refresh_token: RotatingToken,
        user_agent: str | None = None,
    ) -> bool:
        """Start a session; return False if the user's password is no longer `hashed`."""
        return bool(
            await self._database.fetch_one(
                _START,
                user_id=caller.user_id,
                session_id=caller.session_id,
                generation=caller.generation,
                key=hashed.key,
                hash=refresh_token.hash,
                family=refresh_token.family_hash,
                user_agent=user_agent,
                lifetime=self._lifetime,
            )
        )

    async def rotate(self, spent: RotatingToken) -> RenewedSession | None:
        """Spend a refresh token and return its successor, for a retry the same one again.

        Return None if the token is unknown or has expired, or if its successor has been used.
        """
        key = token_bytes(KEY_BYTES)
        successor = spent.successor(key)
        row = await self._database.fetch_one(
            _ROTATE,
            spent=spent.hash,
            hash=successor.hash,
            family=successor.family_hash,
            successor_key=key,
            lifetime=self._lifetime,
            grace=self._grace,
        )
        if row is None:
            # A separate statement, which sees the key that a concurrent call has just stored.
            row = await self._database.fetch_one(
                _REPEAT, spent=spent.hash, lifetime=self._lifetime, grace=self._grace
            )
            successor = spent.successor(row["successor_key"]) if row else successor
        return RenewedSession(_caller(row), successor) if row else None

    async def is_alive(self, caller: Caller) -> bool:
        """Check whether the session is alive, and record the first use of a generation."""
        user_id, session_id, generation = caller.user_id, caller.session_id, caller.generation
        row = await self._database.fetch_one(
            _GET, user_id=user_id, session_id=session_id, generation=generation
        )
        if row is None:
            return False
        if row["is_unconfirmed"]:
            await self._database.execute(
                _CONFIRM, user_id=user_id, session_id=session_id, generation=generation
            )
        return True

    async def end(self, refresh_token: RotatingToken) -> UUID | None:
        """End the session of a refresh token. Return its user, None if there was no session."""
        return await self._end(_END, refresh_token)

    async def end_reused(self, refresh_token: RotatingToken) -> UUID | None:
        """End the session of a reused refresh token; return as `end` does."""
        return await self._end(_END_REUSED, refresh_token)

    async def _end(self, statement: Statement, token: RotatingToken) -> UUID | None:
        row = await self._database.fetch_one(statement, hash=token.hash, family=token.family_hash)
        return row["user_id"] if row else None


def _caller(row: asyncpg.Record) -> Caller:
    return Caller(row["user_id"], row["session_id"], row["generation"])

"""SQL of passwords."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Interval,
    bindparam,
    delete,
    func,
    select,
    update,
)

from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import access_keys, sessions, users
from server.libraries.database.statement import Statement
from server.services.credentials.password_hashing import HashedPassword


def is_guessed() -> ColumnElement[bool]:
    """Return the column `is_guessed`: whether the user is refused at some address now."""
    return (users.c.guessed > func.now()).label("is_guessed")


def password_columns() -> Sequence[ColumnElement[Any]]:
    """Return the columns that `hashed_password` reads."""
    is_disabled = users.c.disabled.is_not(None).label("is_disabled")
    return users.c.hashed_password, users.c.salt, is_guessed(), is_disabled


_GET_PASSWORD = Statement(select(*password_columns()).where(users.c.id == bindparam("user_id")))
_GUESSED = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(
        guessed=func.greatest(
            users.c.guessed, func.now() + bindparam("guessed_for", type_=Interval)
        )
    )
)
_CHANGE_PASSWORD = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.hashed_password == bindparam("current"))
    .values(hashed_password=bindparam("key"), salt=bindparam("new_salt"))
    .returning(users.c.id)
)
_END_ALL = Statement(delete(sessions).where(sessions.c.user_id == bindparam("user_id")))
_REVOKE_KEYS = Statement(delete(access_keys).where(access_keys.c.user_id == bindparam("user_id")))


def hashed_password(row: asyncpg.Record) -> HashedPassword:
    """Return the hash in a row with the columns of `password_columns`."""
    return HashedPassword(
        row["hashed_password"], row["salt"], bool(row["is_guessed"]), row["is_disabled"]
    )


class PasswordRepository:
    """Store of password hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """Return the user's hash, None if there is no such user."""
        row = await self._database.fetch_one(_GET_PASSWORD, user_id=user_id)
        return hashed_password(row) if row else None

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Record that the user is refused at some address for `seconds`."""
        await self._database.execute(
            _GUESSED, user_id=user_id, guessed_for=timedelta(seconds=seconds)
        )

    async def change(
        self,
        user_id: UUID,
        current: HashedPassword,
        replacement: HashedPassword,
        *,
        revoke_keys: bool = False,
    ) -> bool:
        """Change the user's password and end their sessions; optionally delete their access keys.

        Return False and change nothing if the password is no longer `current`.
        """
        change = {"user_id": user_id, "current": current.key}
        change |= {"key": replacement.key, "new_salt": replacement.salt}

        async def action(connection: Connection) -> bool:
            changed = await connection.fetchrow(
                _CHANGE_PASSWORD.sql, *_CHANGE_PASSWORD.arguments(change)
            )
            if changed is None:
                return False
            # A separate statement, which sees the session of a login that the change waited for.
            await connection.execute(_END_ALL.sql, user_id)
            if revoke_keys:
                await connection.execute(_REVOKE_KEYS.sql, user_id)
            return True

        return await self._database.transact(action)

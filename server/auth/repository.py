"""The SQL of passwords, and of failures to say the right one."""

from datetime import timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Interval,
    LargeBinary,
    any_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.auth.password import HashedPassword
from server.database.engine import Connection, Database
from server.database.schema import password_failures as failures
from server.database.schema import sessions, users
from server.database.statement import Statement


def is_guessed() -> ColumnElement[bool]:
    """Return the column that says whether the user is refused at some address right now."""
    return (users.c.guessed > func.now()).label("is_guessed")


_GET_PASSWORD = Statement(
    select(users.c.hashed_password, users.c.salt, is_guessed()).where(
        users.c.id == bindparam("user_id")
    )
)
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
    .where(users.c.id == bindparam("user_id"), users.c.hashed_password == bindparam("until_now"))
    .values(hashed_password=bindparam("key"), salt=bindparam("new_salt"))
    .returning(users.c.id)
)
_END_ALL = Statement(delete(sessions).where(sessions.c.user_id == bindparam("user_id")))

_GET_FAILURES = Statement(
    select(
        failures.c.key, func.extract("epoch", failures.c.forgiven - func.now()).label("seconds")
    ).where(
        failures.c.key == any_(bindparam("keys", type_=ARRAY(LargeBinary))),
        failures.c.forgiven > func.now(),
    )
)
_new_failure = insert(failures).from_select(
    ["key", "forgiven"],
    select(
        func.unnest(bindparam("keys", type_=ARRAY(LargeBinary))),
        func.now() + func.unnest(bindparam("seconds", type_=ARRAY(Interval))),
    ),
)
_ADD_FAILURES = Statement(
    _new_failure.on_conflict_do_update(
        index_elements=[failures.c.key],
        set_={
            "forgiven": func.greatest(failures.c.forgiven, func.now())
            + (_new_failure.excluded.forgiven - func.now())
        },
    ).returning(
        failures.c.key, func.extract("epoch", failures.c.forgiven - func.now()).label("seconds")
    )
)
_kept = insert(failures).values(
    key=bindparam("key"), forgiven=func.now() + bindparam("seconds", type_=Interval)
)
_KEEP = Statement(
    _kept.on_conflict_do_update(
        index_elements=[failures.c.key], set_={"forgiven": _kept.excluded.forgiven}
    )
)


def hashed_password(row: asyncpg.Record) -> HashedPassword:
    """Return what a row of `hashed_password`, `salt` and `is_guessed` says of a password."""
    return HashedPassword(row["hashed_password"], row["salt"], bool(row["is_guessed"]))


class PasswordRepository:
    """The stored hashes of the users' passwords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """The user's hash, None if there is no such user."""
        row = await self._database.fetch_one(_GET_PASSWORD, user_id=user_id)
        return hashed_password(row) if row else None

    async def guessed(self, user_id: UUID, seconds: float) -> None:
        """Note that the user is refused at some address for so many seconds."""
        await self._database.execute(
            _GUESSED, user_id=user_id, guessed_for=timedelta(seconds=seconds)
        )

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


class FailureRepository:
    """The wrong passwords that were tried, in the database of the rate limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, keys: list[bytes]) -> dict[bytes, float]:
        """Return in how many seconds each of `keys` that is there is forgotten."""
        rows = await self._database.fetch(_GET_FAILURES, keys=keys)
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def add(self, seconds: dict[bytes, float]) -> dict[bytes, float]:
        """Count a failure of each key, which takes so many seconds longer; return as `get` does."""
        intervals = [timedelta(seconds=each) for each in seconds.values()]
        rows = await self._database.fetch(_ADD_FAILURES, keys=list(seconds), seconds=intervals)
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def keep(self, key: bytes, seconds: float) -> None:
        """Keep a key for so many seconds from now on."""
        await self._database.execute(_KEEP, key=key, seconds=timedelta(seconds=seconds))

"""The SQL of passwords, and of failures to say the right one."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
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
    )
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


class FailureRepository:
    """The wrong passwords that were tried, in the database of the rate limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, keys: list[bytes]) -> dict[bytes, float]:
        """In how many seconds each of `keys` that has failures is forgiven all of them."""
        rows = await self._database.fetch(_GET_FAILURES, keys=keys)
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def add(self, seconds: dict[bytes, float]) -> None:
        """Counts a failure of each key, which takes so many seconds longer to be forgiven."""
        intervals = [timedelta(seconds=each) for each in seconds.values()]
        await self._database.execute(_ADD_FAILURES, keys=list(seconds), seconds=intervals)

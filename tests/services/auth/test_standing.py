"""Standings: authentication that holds, and the reasons for which it no longer does."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.services.auth.standing import Standing, Standings
from server.services.credentials.password_hashing import HashedPassword
from server.services.user.repository import UserRepository

HASHED = HashedPassword("0" * 128, bytes(64))
NEW_SESSION = """
    INSERT INTO sessions (user_id, id, created, expiry)
    VALUES ($1, gen_random_uuid(), now(), now() + interval '1 day') RETURNING id
"""
NEW_KEY = """
    INSERT INTO access_keys (user_id, id, hash, name, scopes, created)
    VALUES ($1, gen_random_uuid(), sha256(gen_random_uuid()::text::bytea), 'test', '{feed}', now())
    RETURNING id
"""
EVERYONE = {"password", "session", "key", "name from a proxy"}
Act: TypeAlias = Callable[[asyncpg.Connection, UUID], Awaitable[object]]


def statement(sql: str) -> Act:
    """Return an act upon the user `$1`."""
    return lambda connection, user_id: connection.execute(sql, user_id)


class Person:
    """A user with a session and an access key."""

    def __init__(self, user_id: UUID, session_id: UUID, key_id: UUID) -> None:
        self.user_id = user_id
        self.by = {
            "password": Standing(user_id, password_hash=HASHED.key),
            "session": Standing(user_id, session_id=session_id),
            "key": Standing(user_id, key_id=key_id),
            "name from a proxy": Standing(user_id),
        }


async def new_person(pool: Database, connection: asyncpg.Connection) -> Person:
    user_id = uuid4()
    await UserRepository(pool).create(user_id, HASHED)
    session_id = await connection.fetchval(NEW_SESSION, user_id)
    key_id = await connection.fetchval(NEW_KEY, user_id)
    return Person(user_id, session_id, key_id)


@pytest.fixture
async def person(pool: Database, connection: asyncpg.Connection) -> Person:
    return await new_person(pool, connection)


@pytest.fixture
def standings(pool: Database) -> Standings:
    # Checks need neither passwords nor their authenticator.
    return Standings(pool, None, None)  # type: ignore[arg-type]


# An act, the credentials that no longer hold after it, and the reason.
ENDS = [
    pytest.param(
        statement("UPDATE users SET hashed_password = 'new' WHERE id = $1"),
        {"password"},
        "WRONG_PASSWORD",
        id="password changed",
    ),
    pytest.param(
        statement("DELETE FROM sessions WHERE user_id = $1"),
        {"session"},
        "SESSION_ENDED",
        id="session deleted",
    ),
    pytest.param(
        statement("UPDATE sessions SET expiry = now() WHERE user_id = $1"),
        {"session"},
        "SESSION_ENDED",
        id="session expired",
    ),
    pytest.param(
        statement("DELETE FROM access_keys WHERE user_id = $1"),
        {"key"},
        "INVALID_API_KEY",
        id="key deleted",
    ),
    pytest.param(
        statement("UPDATE access_keys SET expiry = now() WHERE user_id = $1"),
        {"key"},
        "INVALID_API_KEY",
        id="key expired",
    ),
    pytest.param(
        statement("UPDATE users SET disabled = now() WHERE id = $1"),
        EVERYONE,
        "ACCOUNT_DISABLED",
        id="user disabled",
    ),
    pytest.param(
        statement("DELETE FROM users WHERE id = $1"),
        EVERYONE,
        "USER_NOT_FOUND",
        id="user deleted",
    ),
]


class TestBroken:
    async def test_is_empty_while_all_hold(self, standings: Standings, person: Person) -> None:
        assert await standings.broken(person.by.values()) == {}
        assert await standings.broken([]) == {}

    async def test_keys_hold_until_their_expiry(
        self, standings: Standings, person: Person, connection: asyncpg.Connection
    ) -> None:
        await connection.execute("UPDATE access_keys SET expiry = now() + interval '1 hour'")
        assert await standings.broken(person.by.values()) == {}

    @pytest.mark.parametrize(("act", "expected", "reason"), ENDS)
    async def test_names_those_that_no_longer_hold(
        self,
        standings: Standings,
        person: Person,
        pool: Database,
        connection: asyncpg.Connection,
        act: Act,
        expected: set[str],
        reason: str,
    ) -> None:
        other = await new_person(pool, connection)
        await act(connection, person.user_id)
        found = await standings.broken([*person.by.values(), *other.by.values()])
        assert found == {person.by[name]: reason for name in expected}

    async def test_names_sessions_and_keys_of_another_user(
        self,
        standings: Standings,
        person: Person,
        pool: Database,
        connection: asyncpg.Connection,
    ) -> None:
        other = await new_person(pool, connection)
        session = Standing(person.user_id, session_id=other.by["session"].session_id)
        key = Standing(person.user_id, key_id=other.by["key"].key_id)
        assert await standings.broken([session, key]) == {
            session: "SESSION_ENDED",
            key: "INVALID_API_KEY",
        }

"""Test data for the workloads, inserted directly into the database.

Profiles and events have the sizes of the app's. All users share one password, which is hashed once.
Times are whole seconds, except for the timestamps of events, whose last digit is not zero: this way
all contenders format them equally.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

from server.libraries.common.text import caseless
from server.services.credentials.password_hashing import HashedPassword

PASSWORD = "a password for a benchmark"  # noqa: S105 - of temporary users
NAME_BYTES = 60
PLAN_BYTES = 2 * 1024
IV_BYTES = 16
# An RSA key of 2,048 bits as SubjectPublicKeyInfo.
KEY_BYTES = 294
EVENT_BYTES = 4 * 1024

Columns: TypeAlias = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Person:
    """A user who may publish events and read an inbox. The password is PASSWORD."""

    id: str
    lookup: str
    username: str


@dataclass(frozen=True)
class FeedSubscription:
    """A user whose events are read, with the follow secret."""

    id: str
    secret: str


@dataclass(frozen=True)
class Seeded:
    """The data that requests refer to."""

    people: tuple[Person, ...]
    followed: tuple[FeedSubscription, ...]
    password: str = PASSWORD


async def seed(url: str, *, people: int = 1_000, followed: int = 20, events: int = 20) -> Seeded:
    """Insert `people` users, and `followed` others with `events` each."""
    connection = await asyncpg.connect(url)
    try:
        hashed = HashedPassword.of(PASSWORD)
        crowd = await _add_people(connection, people, hashed)
        publishers = await _add_people(connection, followed, hashed)
        shared = await _add_secrets(connection, publishers)
        await _add_events(connection, publishers, events)
        # Otherwise PostgreSQL would update its statistics during a measurement.
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return Seeded(people=crowd, followed=shared)


async def _add_people(
    connection: asyncpg.Connection, number: int, hashed: HashedPassword
) -> tuple[Person, ...]:
    people = tuple(_person() for _ in range(number))
    now = datetime.now(UTC)
    columns: Columns = {
        "id": [UUID(person.id) for person in people],
        "user_lookup": [person.lookup for person in people],
        "hashed_password": [hashed.key] * number,
        "salt": [hashed.salt] * number,
        "last_accessed": [now] * number,
        "created": [now] * number,
        "encrypted_current_plan": _random(number, PLAN_BYTES),
        "encrypted_name": _random(number, NAME_BYTES),
        "encryption_iv": _random(number, IV_BYTES),
        "rsa_public_key": _random(number, KEY_BYTES),
        "username": [person.username for person in people],
        "username_key": [caseless(person.username) for person in people],
    }
    await _copy(connection, "users", columns)
    return people


async def _add_secrets(
    connection: asyncpg.Connection, people: tuple[Person, ...]
) -> tuple[FeedSubscription, ...]:
    followed = tuple(FeedSubscription(person.id, str(uuid4())) for person in people)
    columns: Columns = {
        "id": [uuid4() for _ in followed],
        "user_id": [UUID(each.id) for each in followed],
        "value": [each.secret for each in followed],
    }
    await _copy(connection, "user_follow_secrets", columns)
    return followed


async def _add_events(
    connection: asyncpg.Connection, people: tuple[Person, ...], number: int
) -> None:
    """Insert events of each user, and the clock with the timestamp of the newest one."""
    began = datetime.now(UTC).replace(microsecond=1) - timedelta(days=number)
    times = [began + timedelta(days=day) for day in range(number)]
    total = len(people) * number
    published = [time for _ in people for time in times]
    columns: Columns = {
        "user_id": [UUID(person.id) for person in people for _ in times],
        "id": [uuid4() for _ in range(total)],
        "timestamp": published,
        "last_accessed": published,
        "expiry": [began.replace(microsecond=0) + timedelta(days=365)] * total,
        "encrypted_event": _random(total, EVENT_BYTES),
        "encryption_iv": _random(total, IV_BYTES),
    }
    await _copy(connection, "user_events", columns)
    clocks: Columns = {
        "user_id": [UUID(person.id) for person in people],
        "timestamp": [times[-1]] * len(people),
    }
    await _copy(connection, "user_event_clocks", clocks)


async def _copy(connection: asyncpg.Connection, table: str, columns: Columns) -> None:
    rows = zip(*columns.values(), strict=True)
    await connection.copy_records_to_table(table, records=rows, columns=list(columns))


def _person() -> Person:
    user_id = uuid4()
    return Person(str(user_id), secrets.token_hex(6), f"somebody {user_id.hex}")


def _random(number: int, size: int) -> list[bytes]:
    return [secrets.token_bytes(size) for _ in range(number)]

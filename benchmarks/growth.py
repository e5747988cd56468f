"""CPU time of calls with 1,000,000 users compared with 1,000 users.

Two databases of one PostgreSQL, each with a worker, are called in turns for random users. The
figure is the CPU time of worker and PostgreSQL per call. In the larger database, the plans of the
reading statements are checked: none may scan a table sequentially.
"""

import asyncio
import datetime as dt
import hashlib
import random
import statistics
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import event_pb2, event_pb2_grpc, user_pb2, user_pb2_grpc

from benchmarks.contenders import statements
from benchmarks.contenders.floor import MIN_TIME
from benchmarks.cpu import LOAD, Meter, difference
from benchmarks.h2load import LoadError
from benchmarks.launcher import Launcher, free_port, postgres_process
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres
from server.services.inbox.statements import ACKNOWLEDGE_MESSAGES, LEASE_MESSAGES

SIZES = (1_000, 1_000_000)
EVENTS_EACH = 10
FOLLOWED = 20
LEASE = dt.timedelta(minutes=1)
CALLS, CONCURRENCY = 1_000, 16
# A PostgreSQL process takes a page fault on its first access to each buffer page: 230 per GetEvents
# in the first round, 29 in the fifth.
WARM_UP_ROUNDS = 4
# Only reads and CPU time are measured, so the data need not be durable.
POSTGRES = {"shared_buffers": "6GB", "max_wal_size": "16GB", "maintenance_work_mem": "1GB"}

_FILL = """
INSERT INTO users (id, user_lookup, hashed_password, salt, created, last_accessed, encryption_iv,
                   rsa_public_key, encrypted_name)
SELECT md5('user ' || n)::uuid, lpad(n::text, 12, '0'), repeat('0', 128), '\\x01'::bytea,
       now(), now(), '\\x00'::bytea, decode(repeat('ab', 290), 'hex'),
       decode(repeat('cd', 60), 'hex')
FROM generate_series(1, $1::int) AS n
"""
_FILL_SECRETS = """
INSERT INTO user_follow_secrets (id, user_id, value)
SELECT md5('secret ' || n)::uuid, md5('user ' || n)::uuid, 'secret ' || n
FROM generate_series(1, $1::int) AS n
"""
_FILL_INBOXES = """
INSERT INTO user_inbox_items (id, user_id, encrypted_message)
SELECT md5('message ' || n)::uuid, md5('user ' || n)::uuid, ARRAY['\\x01'::bytea]
FROM generate_series(1, $1::int) AS n
"""
_FILL_EVENTS = """
INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
                         encryption_iv)
SELECT md5('user ' || n)::uuid, md5('event ' || n || '.' || e)::uuid, now() - e * interval '1 day',
       now(), now() + interval '90 days', decode(repeat('ef', 100), 'hex'),
       decode(repeat('00', 16), 'hex')
FROM generate_series(1, $1::int) AS n, generate_series(1, $2::int) AS e
"""


@dataclass(frozen=True)
class Stack:
    """A worker on a database with this number of users."""

    users: int
    address: str
    meter: Meter


def measure(*, rounds: int, advance: Callable[[], None]) -> dict[str, float]:
    """Return the CPU time of each call with many users relative to few users."""
    with _stacks(advance) as stacks:
        return asyncio.run(_measure(stacks, rounds, advance))


@contextmanager
def _stacks(advance: Callable[[], None]) -> Iterator[list[Stack]]:
    with ExitStack() as resources:
        postgres = resources.enter_context(temporary_postgres(POSTGRES))
        launcher = Launcher(resources)
        stacks = []
        for users in SIZES:
            url = postgres.url(f"users_{users}")
            asyncio.run(_prepare(url, postgres.url(), users))
            advance()
            port = free_port()
            address = f"127.0.0.1:{port}"
            # Random publishers would always miss the password cache, and hashing is not measured.
            worker = launcher.worker(url, address, module="benchmarks.contenders.no_password_check")
            launcher.wait_for(port)
            meter = Meter({"worker": worker, "postgres": postgres_process()})
            stacks.append(Stack(users, address, meter))
        yield stacks


async def _prepare(url: str, admin_url: str, users: int) -> None:
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"CREATE DATABASE users_{users}")
    await admin.close()
    await migrate(url, None, lambda _: None)
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, users, EVENTS_EACH)
        if scans := await sequential_scans(connection, users):
            raise LoadError("a hot statement scans a table sequentially:\n" + "\n".join(scans))
    finally:
        await connection.close()


async def fill(connection: asyncpg.Connection, users: int, events_each: int) -> None:
    """Insert users, each with a follow secret, an inbox message and some events."""
    # Skip foreign key checks: all users exist.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(_FILL, users)
    await connection.execute(_FILL_SECRETS, users)
    await connection.execute(_FILL_INBOXES, users)
    await connection.execute(_FILL_EVENTS, users, events_each)
    await connection.execute("VACUUM ANALYZE")


async def sequential_scans(connection: asyncpg.Connection, users: int) -> list[str]:
    """Return the plans of hot statements that scan a table sequentially."""
    plans = []
    for statement, values in _hot(users):
        rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.arguments(values))
        plans.append("\n".join([statement.sql, *(row[0] for row in rows)]))
    return [plan for plan in plans if "Seq Scan" in plan]


def _hot(users: int) -> Iterator[tuple[Any, dict[str, object]]]:
    people = [_user(number) for number in random.sample(range(1, users), FOLLOWED)]
    yield statements.GET_USER, {"id": people[0]}
    yield statements.GET_USER_BY_LOOKUP, {"lookup": "000000000001"}
    yield statements.GET_USERS, {"ids": people, "max_bytes": statements.MAX_BYTES}
    yield statements.GET_PASSWORD, {"user_id": people[0]}
    yield statements.GET_LOGIN_BY_NAME, {"username_keys": ["nobody"], "name": "nobody"}
    yield statements.TAKE_INBOX, {"owner_id": people[0]}
    yield LEASE_MESSAGES, {"owner_id": people[0], "duration": LEASE, "max_messages": 100}
    yield ACKNOWLEDGE_MESSAGES, {"owner_id": people[0], "ids": people}
    yield (
        statements.GET_EVENTS,
        {
            "user_ids": people,
            "secrets": ["secret"] * FOLLOWED,
            "times": [MIN_TIME] * FOLLOWED,
            "max_bytes": statements.MAX_BYTES,
        },
    )


async def _measure(
    stacks: list[Stack], rounds: int, advance: Callable[[], None]
) -> dict[str, float]:
    costs: dict[str, dict[int, list[float]]] = {
        name: {stack.users: [] for stack in stacks} for name in _CALLS
    }
    for number in range(-WARM_UP_ROUNDS, rounds):
        for stack in stacks if number % 2 else reversed(stacks):
            async with grpc.aio.insecure_channel(stack.address) as channel:
                for name, call in _CALLS.items():
                    cost = await _cost(stack, call(channel, stack.users))
                    costs[name][stack.users] += [cost] if number >= 0 else []
            advance()
    few, many = SIZES
    return {
        name: statistics.median(a / b for a, b in zip(series[many], series[few], strict=True))
        for name, series in costs.items()
    }


async def _cost(stack: Stack, call: Callable[[], Awaitable[object]]) -> float:
    """Return the server's CPU seconds per call."""

    async def call_repeatedly() -> None:
        for _ in range(CALLS // CONCURRENCY):
            await call()

    before = stack.meter.read()
    await asyncio.gather(*(call_repeatedly() for _ in range(CONCURRENCY)))
    used = difference(before, stack.meter.read())
    return sum(seconds for user, seconds in used.items() if user != LOAD) / CALLS


def _get_user(channel: Any, users: int) -> Callable[[], Awaitable[object]]:
    stub: Any = user_pb2_grpc.UserServiceStub(channel)

    async def call() -> None:
        response = await stub.GetUser(
            user_pb2.GetUserRequest(id_or_lookup=str(_user(random.randint(1, users))))
        )
        assert response.rsa_public_key

    return call


def _get_events(channel: Any, users: int) -> Callable[[], Awaitable[object]]:
    stub: Any = event_pb2_grpc.EventServiceStub(channel)

    async def call() -> None:
        numbers = random.sample(range(1, users + 1), FOLLOWED)
        followed = [
            event_pb2.FollowedUser(user_id=str(_user(number)), follow_secret=f"secret {number}")
            for number in numbers
        ]
        response = await stub.GetEvents(event_pb2.GetEventsRequest(users=followed))
        assert len(response.events) == FOLLOWED * EVENTS_EACH

    return call


def _put_event(channel: Any, users: int) -> Callable[[], Awaitable[object]]:
    stub: Any = event_pb2_grpc.EventServiceStub(channel)

    async def call() -> None:
        number = random.randint(1, users)
        await stub.PutEvent(
            event_pb2.PutEventRequest(
                user_id=str(_user(number)),
                password="whatever",
                # Replace an existing event, so that the other calls keep reading as many.
                event_id=str(_id(f"event {number}.1")),
                encrypted_event_payload=bytes(100),
                encrypted_event_iv=bytes(16),
                expiry=_EXPIRY,
            )
        )

    return call


_CALLS = {"GetUser": _get_user, "GetEvents": _get_events, "PutEvent": _put_event}
_EXPIRY = Timestamp(seconds=4_000_000_000)


def _user(number: int) -> UUID:
    return _id(f"user {number}")


def _id(name: str) -> UUID:
    """Return the id that the SQL above derives from this name."""
    return UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())

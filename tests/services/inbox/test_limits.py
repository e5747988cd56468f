"""Messages that strangers send: nobody fills an inbox, or keeps it from others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from server.errors import ResourceExhausted
from server.libraries.database.pool import Database
from server.services.inbox.repository import InboxRepository
from server.services.inbox.writer import MAX_BYTES, InboxWriter
from tests.libraries.limits.conftest import MESSAGES, WAITING, Bounded, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import many_users, refused


def texts(messages: list[inbox_pb2.InboxMessage]) -> list[bytes]:
    return [b"".join(message.encrypted_message) for message in messages]


async def test_a_network_sends_so_many_to_one_inbox(world: World) -> None:
    network, other = world.network(), world.network()
    ann, bob = [await world.client().created_user() for _ in range(2)]
    for number in range(MESSAGES):
        await network.client(number).send(ann.id, b"%d" % number)
        assert len(await world.client().take_messages(ann)) == 1
    with refused_for("TOO_MANY_MESSAGES"):
        await network.client(200).send(ann.id, b"one too many")
    await network.client().send(bob.id, b"to another")
    await other.client().send(ann.id, b"from another")
    assert texts(await world.client().take_messages(ann)) == [b"from another"]


async def test_nothing_is_kept_of_messages_to_nobody(
    world: World, table: asyncpg.Connection
) -> None:
    client, count = world.client(), "SELECT count(*) FROM password_failures"
    before = await table.fetchval(count)
    for _ in range(3):
        with refused(StatusCode.NOT_FOUND):
            await client.send(str(uuid4()), b"message")
    assert await table.fetchval(count) == before


async def test_a_full_inbox_gives_up_what_the_loudest_sent(world: World) -> None:
    loud, quiet = world.network(), world.network()
    user = await world.client().created_user()
    assert WAITING == 4
    for number in range(WAITING):
        await loud.client(number).send(user.id, b"loud %d" % number)
    with refused_for("INBOX_FULL", seconds=3600):
        await loud.client().send(user.id, b"louder")
    for number in range(2):
        await quiet.client(number).send(user.id, b"quiet %d" % number)
    # Both have as many now.
    with refused_for("INBOX_FULL", seconds=3600):
        await quiet.client().send(user.id, b"quiet 2")
    await world.client().send(user.id, b"somebody new")
    assert await world.client().take_messages(user)


async def test_what_is_left_is_the_oldest_of_each(world: World) -> None:
    loud, quiet = world.network(), world.network()
    user = await world.client().created_user()
    for number in range(WAITING):
        await loud.client().send(user.id, b"loud %d" % number)
    for number in range(2):
        await quiet.client().send(user.id, b"quiet %d" % number)
    left = texts(await world.client().take_messages(user))
    assert left == [b"loud 0", b"loud 1", b"quiet 0", b"quiet 1"]


async def test_nobody_can_tell_who_wrote(world: World, table: asyncpg.Connection) -> None:
    network, other = world.network(), world.network()
    user = await world.client().created_user()
    for one in (network, network, other):
        await one.client().send(user.id, b"message")
    query = "SELECT network FROM user_inbox_items WHERE user_id = $1 ORDER BY received"
    first, second, third = [row[0] for row in await table.fetch(query, UUID(user.id))]
    assert first == second != third
    assert {len(first), len(third)} == {16}


@pytest.fixture
async def database(bounded: Bounded) -> AsyncIterator[Database]:
    async with Database(bounded.database_url, pool_size=20) as database:
        yield database


async def fill(
    table: asyncpg.Connection, user_id: UUID, network: bytes | None, sizes: list[int]
) -> None:
    """Messages that do not compress."""
    await table.executemany(
        """
        INSERT INTO user_inbox_items (id, user_id, encrypted_message, network)
        SELECT gen_random_uuid(), $1, ARRAY[string_agg(sha512(i::text::bytea), '')], $2
        FROM generate_series(1, $3::int / 64) AS i
        """,
        [(user_id, network, size) for size in sizes],
    )


async def waiting(table: asyncpg.Connection, user_id: UUID) -> dict[bytes | None, int]:
    """How many messages of each network wait."""
    query = "SELECT network, count(*) FROM user_inbox_items WHERE user_id = $1 GROUP BY network"
    return {row[0]: row[1] for row in await table.fetch(query, user_id)}


async def test_few_large_messages_fill_an_inbox_too(
    database: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    mebibyte = 2**20
    await fill(table, user_id, b"large", [4 * mebibyte] * 3 + [3 * mebibyte])
    await fill(table, user_id, b"small", [1024] * 20)
    writer = InboxWriter(database, maximum=1000)
    await writer.put(user_id, [bytes(1024)] * 20, b"new")
    assert await waiting(table, user_id) == {b"large": 4, b"small": 20, b"new": 1}
    await fill(table, user_id, b"large", [mebibyte])
    with pytest.raises(ResourceExhausted):
        await writer.put(user_id, [bytes(1024)] * 20, b"large")
    await writer.put(user_id, [bytes(1024)] * 20, b"small")
    assert await waiting(table, user_id) == {b"large": 4, b"small": 21, b"new": 1}
    query = "SELECT sum(pg_column_size(encrypted_message)) FROM user_inbox_items WHERE user_id = $1"
    assert await table.fetchval(query, user_id) <= MAX_BYTES


async def test_an_inbox_that_was_over_the_bound_does_not_grow(
    database: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    await fill(table, user_id, None, [64] * 10)
    writer = InboxWriter(database, maximum=3)
    for number in range(4):
        await writer.put(user_id, [b"x"], b"%d" % number)
    found = await waiting(table, user_id)
    assert found == {None: 6, b"0": 1, b"1": 1, b"2": 1, b"3": 1}


async def test_writers_and_a_reader_at_once_do_not_block_each_other(
    database: Database, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    writer, inbox = InboxWriter(database, maximum=10), InboxRepository(database)

    async def write(network: bytes) -> None:
        for _ in range(10):
            with suppress(ResourceExhausted):
                await writer.put(user_id, [b"x" * 100], network)

    async with asyncio.TaskGroup() as group:
        for number in range(12):
            group.create_task(write(b"%d" % number))
    # Each of those that write at the same moment may find the last place.
    assert 10 <= sum((await waiting(table, user_id)).values()) <= 10 + 12
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(write(b"%d" % number))
            group.create_task(inbox.take(user_id))
    await inbox.take(user_id)
    assert await waiting(table, user_id) == {}


async def test_0_is_no_limit(database: Database, table: asyncpg.Connection) -> None:
    [user_id] = await many_users(table, 1)
    writer = InboxWriter(database, maximum=0)
    for _ in range(20):
        await writer.put(user_id, [b"x"], b"one")
    assert await waiting(table, user_id) == {b"one": 20}

"""InboxService, over every way to call."""

import asyncio
from collections import Counter
from uuid import UUID

import asyncpg
import grpc
import pytest
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from tests.support.client import (
    EVERY_BYTE,
    KIB,
    SOME_UUID,
    Client,
    User,
    many_users,
    refused,
    with_password,
)
from tests.support.stack import Stack


def texts(messages: list[inbox_pb2.InboxMessage]) -> list[bytes]:
    return [b"".join(message.encrypted_message) for message in messages]


async def test_a_message_at_its_limits_comes_back_chunk_for_chunk(client: Client) -> None:
    user = await client.new_user()
    chunks = [EVERY_BYTE * 3 + bytes([number]) * 256 for number in range(20)]
    assert {len(chunk) for chunk in chunks} == {KIB}
    await client.send(user.id, *chunks)
    (message,) = await client.take_messages(user)
    assert list(message.encrypted_message) == chunks
    assert message.id == str(UUID(message.id))


async def test_a_chunk_may_be_empty(client: Client) -> None:
    user = await client.new_user()
    await client.send(user.id, b"", b"x", b"")
    (message,) = await client.take_messages(user)
    assert list(message.encrypted_message) == [b"", b"x", b""]


@pytest.mark.parametrize(
    ("chunks", "field"),
    [
        ([], "encrypted_message"),
        ([b"x"] * 21, "encrypted_message"),
        ([b"x", bytes(KIB + 1)], "encrypted_message[1]"),
    ],
    ids=["none", "21 chunks", "1 KiB and a byte"],
)
async def test_a_message_that_breaks_a_limit_is_refused(
    client: Client, chunks: list[bytes], field: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, field):
        await client.send(SOME_UUID, *chunks)


async def test_there_is_no_inbox_where_nobody_is(client: Client) -> None:
    with refused(StatusCode.NOT_FOUND):
        await client.send(SOME_UUID, b"message")
    with refused(StatusCode.INVALID_ARGUMENT, "to_user_id"):
        await client.send("not-a-uuid", b"message")


async def test_messages_come_oldest_first_and_once(client: Client) -> None:
    user = await client.new_user()
    sent = [b"%d" % number for number in range(10)]
    for text in sent:
        await client.send(user.id.upper(), text)
    assert texts(await client.take_messages(user)) == sent
    assert await client.take_messages(user) == []
    await client.send(user.id, b"later")
    assert texts(await client.take_messages(user)) == [b"later"]


async def test_messages_from_before_gymlocker_are_the_oldest(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    await client.send(user.id, b"new")
    await database.execute(
        """
        INSERT INTO user_inbox_items (id, user_id, encrypted_message, received)
        VALUES (gen_random_uuid(), $1, ARRAY['old'::bytea], NULL)
        """,
        UUID(user.id),
    )
    assert texts(await client.take_messages(user)) == [b"old", b"new"]


async def test_a_chunk_that_is_null_costs_no_message(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    await client.send(user.id, b"before")
    await database.execute(
        """
        INSERT INTO user_inbox_items (id, user_id, encrypted_message)
        VALUES (gen_random_uuid(), $1, ARRAY[NULL, 'end'::bytea])
        """,
        UUID(user.id),
    )
    await client.send(user.id, b"after")
    messages = await client.take_messages(user)
    assert [list(message.encrypted_message) for message in messages] == [
        [b"before"],
        [b"", b"end"],
        [b"after"],
    ]


async def test_reading_one_inbox_leaves_the_others(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    (other,) = await many_users(database, 1)
    await client.send(str(other), b"other's")
    assert await client.take_messages(user) == []
    left = await database.fetchval(
        "SELECT encrypted_message FROM user_inbox_items WHERE user_id = $1", other
    )
    assert left == [b"other's"]


async def test_a_wrong_password_takes_no_message_away(client: Client) -> None:
    user = await client.new_user()
    await client.send(user.id, b"message")
    with refused(StatusCode.UNAUTHENTICATED):
        await client.take_messages(with_password(user, "wrong"))
    assert texts(await client.take_messages(user)) == [b"message"]


async def test_a_crowded_inbox_is_read_in_parts_that_any_client_takes(
    stack: Stack, database: asyncpg.Connection
) -> None:
    async with grpc.aio.insecure_channel(stack.address) as channel:  # takes 4 MiB at the most
        client = Client(channel)
        user = await client.new_user()
        await database.execute(
            """
            INSERT INTO user_inbox_items (id, user_id, encrypted_message)
            SELECT gen_random_uuid(), $1, n::text::bytea || array_fill($2::bytea, '{19}')
            FROM generate_series(1, 400) AS n
            """,
            UUID(user.id),
            bytes(KIB),
        )
        numbers: list[int] = []
        parts = 0
        while messages := await client.take_messages(user):
            numbers += [int(message.encrypted_message[0]) for message in messages]
            parts += 1
    assert numbers == list(range(1, 401))
    assert parts > 1


async def test_50_readers_at_once_get_each_message_once_and_oldest_first(client: Client) -> None:
    user = await client.new_user()
    early = [b"early %02d" % number for number in range(30)]
    late = [b"late %02d" % number for number in range(30)]
    for text in early:
        await client.send(user.id, text)

    async def send_late() -> None:
        for text in late:
            await client.send(user.id, text)

    sending = asyncio.create_task(send_late())
    replies = await asyncio.gather(*(_read(client, user) for _ in range(50)))
    await sending
    replies.append(await _read(client, user))
    assert Counter(text for reply in replies for text in reply) == Counter(early + late)
    # One writer sent all, "early" before "late": their order is that of the alphabet.
    assert all(reply == sorted(reply) for reply in replies)


async def _read(client: Client, user: User) -> list[bytes]:
    return texts(await client.take_messages(user))

"""GetEvents, over every way to call: since when, and for whom."""

import asyncio
from itertools import pairwise
from uuid import UUID, uuid4

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import event_pb2

from tests.support.client import SOME_UUID, Client, event_of, follow, many_users, refused, shifted
from tests.support.events import YEAR_1, YEAR_9999, published


def payloads_of(reply: event_pb2.GetEventsResponse) -> list[bytes]:
    return [event.encrypted_event_payload for event in reply.events]


# --- Since ---


async def test_events_come_oldest_first_and_only_those_later_than_since(client: Client) -> None:
    user = await client.new_user()
    secret = await client.new_secret(user)
    first, second, third = await published(client, user, b"1", b"2", b"3")
    for since, expected in [
        (None, [b"1", b"2", b"3"]),
        (Timestamp(seconds=YEAR_1), [b"1", b"2", b"3"]),
        (shifted(first.timestamp, nanoseconds=-1000), [b"1", b"2", b"3"]),
        (first.timestamp, [b"2", b"3"]),
        (shifted(second.timestamp, nanoseconds=999), [b"3"]),
        (third.timestamp, []),
        (Timestamp(seconds=YEAR_9999, nanos=999_999_999), []),
    ]:
        reply = await client.feed(follow(user.id, secret, since))
        assert payloads_of(reply) == expected
        assert reply.invalid_follow_secrets == []


async def test_events_of_several_users_come_oldest_first_each_after_a_since_of_their_own(
    client: Client,
) -> None:
    one, other = await client.new_user(), await client.new_user()
    for author, payload in ((one, b"1"), (other, b"2"), (one, b"3"), (other, b"4")):
        await client.events.PutEvent(event_of(author, payload))
    ones, others = await client.new_secret(one), await client.new_secret(other)
    reply = await client.feed(follow(other.id, others), follow(one.id, ones))
    assert payloads_of(reply) == [b"1", b"2", b"3", b"4"]
    third = reply.events[2].timestamp
    reply = await client.feed(follow(other.id, others), follow(one.id, ones, third))
    assert payloads_of(reply) == [b"2", b"4"]


async def test_a_poller_misses_nothing_while_20_writers_publish(client: Client) -> None:
    user = await client.new_user()
    secret = await client.new_secret(user)
    requests = [[event_of(user) for _ in range(8)] for _ in range(20)]

    async def write(events: list[event_pb2.PutEventRequest]) -> None:
        for event in events:
            await client.events.PutEvent(event)

    seen: list[event_pb2.UserEvent] = []

    async def poll() -> None:
        since = seen[-1].timestamp if seen else None
        seen.extend((await client.feed(follow(user.id, secret, since))).events)

    writers = asyncio.gather(*(write(events) for events in requests))
    while not writers.done():
        await poll()
    await writers
    await poll()
    written = [event.event_id for events in requests for event in events]
    assert sorted(event.event_id for event in seen) == sorted(written)
    times = [event.timestamp.ToNanoseconds() for event in seen]
    assert all(earlier < later for earlier, later in pairwise(times))


# --- Who may read ---


async def test_wrong_secrets_are_listed_in_the_order_of_the_request(
    client: Client, database: asyncpg.Connection
) -> None:
    (user_id,) = await many_users(database, 1)
    wrong = ["zebra", "", "ünï 🏋", "x" * 300, "ant"]
    entries = [follow(str(user_id), secret) for secret in wrong]
    reply = await client.feed(*entries, follow(str(uuid4()), "nobody's"))
    assert list(reply.invalid_follow_secrets) == [*wrong, "nobody's"]
    assert payloads_of(reply) == []


async def test_a_secret_opens_nobody_elses_events(client: Client) -> None:
    one, other = await client.new_user(), await client.new_user()
    await published(client, one, b"one's")
    await published(client, other, b"other's")
    secret = await client.new_secret(one)
    reply = await client.feed(follow(other.id, secret))
    assert payloads_of(reply) == []
    assert list(reply.invalid_follow_secrets) == [secret]
    # Beside the right one, too: each entry is judged by itself.
    reply = await client.feed(follow(one.id, secret), follow(other.id, secret))
    assert payloads_of(reply) == [b"one's"]
    assert list(reply.invalid_follow_secrets) == [secret]


async def test_secrets_differ_by_case_and_are_no_patterns(client: Client) -> None:
    user = await client.new_user()
    await client.accept(user, "Secret")
    wrong = ["secret", "SECRET", "Secret ", "%", "Secre_"]
    reply = await client.feed(*(follow(user.id, secret) for secret in wrong))
    assert list(reply.invalid_follow_secrets) == wrong


async def test_a_user_who_is_asked_for_twice_published_each_event_once(client: Client) -> None:
    user = await client.new_user()
    first, second = await published(client, user, b"1", b"2")
    one, other = await client.new_secret(user), await client.new_secret(user)
    both = [b"1", b"2"]
    for entries, expected in [
        ([follow(user.id, one), follow(user.id, one)], both),
        ([follow(user.id, one), follow(user.id.upper(), one)], both),
        ([follow(user.id, one), follow(user.id, other)], both),
        ([follow(user.id, one, first.timestamp), follow(user.id, one)], both),
        ([follow(user.id, one), follow(user.id, one, second.timestamp)], both),
        ([follow(user.id, one, first.timestamp), follow(user.id, other)], both),
        ([follow(user.id, one, first.timestamp), follow(user.id, other, second.timestamp)], [b"2"]),
    ]:
        reply = await client.feed(*entries)
        assert payloads_of(reply) == expected
        assert reply.invalid_follow_secrets == []


async def test_a_wrong_secret_beside_the_right_one_spoils_nothing(client: Client) -> None:
    user = await client.new_user()
    await published(client, user, b"1")
    secret = await client.new_secret(user)
    reply = await client.feed(follow(user.id, "wrong"), follow(user.id, secret))
    assert payloads_of(reply) == [b"1"]
    assert list(reply.invalid_follow_secrets) == ["wrong"]


async def test_200_users_are_read_at_once_and_201_are_refused(
    client: Client, database: asyncpg.Connection
) -> None:
    ids = await many_users(database, 200)
    await database.execute(
        """
        WITH secret AS (
            INSERT INTO user_follow_secrets (id, user_id, value)
            SELECT id, id, id::text FROM unnest($1::uuid[]) AS id
        )
        INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
                                 encryption_iv)
        SELECT id, id, now(), now(), now() + interval '1 day', 'x', 'y'
        FROM unnest($1::uuid[]) AS id
        """,
        ids,
    )
    entries = [follow(str(user_id), str(user_id)) for user_id in ids]
    reply = await client.feed(*entries)
    assert {UUID(event.user_id) for event in reply.events} == set(ids)
    assert len(reply.events) == 200
    assert reply.invalid_follow_secrets == []
    with refused(StatusCode.INVALID_ARGUMENT, "users"):
        await client.feed(*entries, follow(SOME_UUID, "one too many"))


async def test_nobody_is_asked_for_in_vain(client: Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "users"):
        await client.feed()


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (follow("not-a-uuid", "secret"), "users[1].user_id"),
        (follow("", "secret"), "users[1].user_id"),
        (follow(SOME_UUID, "\0"), "users[1].follow_secret"),
    ],
)
async def test_an_entry_that_breaks_a_limit_is_named_by_its_place(
    client: Client, entry: event_pb2.FollowedUser, field: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, field):
        await client.feed(follow(SOME_UUID, "secret"), entry)

"""GetEvents, over every transport."""

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


def payloads_of(response: event_pb2.GetEventsResponse) -> list[bytes]:
    return [event.encrypted_event_payload for event in response.events]


class TestGetEventsSince:
    async def test_returns_events_after_since_oldest_first(self, client: Client) -> None:
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
            response = await client.feed(follow(user.id, secret, since))
            assert payloads_of(response) == expected
            assert response.invalid_follow_secrets == []

    async def test_applies_since_of_each_user_and_merges_oldest_first(
        self,
        client: Client,
    ) -> None:
        one, other = await client.new_user(), await client.new_user()
        for author, payload in ((one, b"1"), (other, b"2"), (one, b"3"), (other, b"4")):
            await client.events.PutEvent(event_of(author, payload))
        ones, others = await client.new_secret(one), await client.new_secret(other)
        response = await client.feed(follow(other.id, others), follow(one.id, ones))
        assert payloads_of(response) == [b"1", b"2", b"3", b"4"]
        third = response.events[2].timestamp
        response = await client.feed(follow(other.id, others), follow(one.id, ones, third))
        assert payloads_of(response) == [b"2", b"4"]

    async def test_poller_receives_every_event_of_20_concurrent_writers(
        self, client: Client
    ) -> None:
        user = await client.new_user()
        secret = await client.new_secret(user)
        requests = [[event_of(user) for _ in range(8)] for _ in range(20)]

        async def write(events: list[event_pb2.PutEventRequest]) -> None:
            for event in events:
                await client.events.PutEvent(event)

        received: list[event_pb2.UserEvent] = []

        async def poll() -> None:
            since = received[-1].timestamp if received else None
            received.extend((await client.feed(follow(user.id, secret, since))).events)

        writers = asyncio.gather(*(write(events) for events in requests))
        while not writers.done():
            await poll()
        await writers
        await poll()
        written = [event.event_id for events in requests for event in events]
        assert sorted(event.event_id for event in received) == sorted(written)
        times = [event.timestamp.ToNanoseconds() for event in received]
        assert all(earlier < later for earlier, later in pairwise(times))


class TestGetEvents:
    async def test_lists_wrong_secrets_in_request_order(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        (user_id,) = await many_users(database, 1)
        wrong = ["zebra", "", "ünï 🏋", "x" * 300, "ant"]
        entries = [follow(str(user_id), secret) for secret in wrong]
        response = await client.feed(*entries, follow(str(uuid4()), "nobody's"))
        assert list(response.invalid_follow_secrets) == [*wrong, "nobody's"]
        assert payloads_of(response) == []

    async def test_rejects_secret_of_another_user(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        await published(client, one, b"one's")
        await published(client, other, b"other's")
        secret = await client.new_secret(one)
        response = await client.feed(follow(other.id, secret))
        assert payloads_of(response) == []
        assert list(response.invalid_follow_secrets) == [secret]
        # Also next to the right one: each entry is checked by itself.
        response = await client.feed(follow(one.id, secret), follow(other.id, secret))
        assert payloads_of(response) == [b"one's"]
        assert list(response.invalid_follow_secrets) == [secret]

    async def test_compares_secrets_exactly(self, client: Client) -> None:
        user = await client.new_user()
        await client.accept(user, "Secret")
        wrong = ["secret", "SECRET", "Secret ", "%", "Secre_"]
        response = await client.feed(*(follow(user.id, secret) for secret in wrong))
        assert list(response.invalid_follow_secrets) == wrong

    async def test_returns_each_event_once_for_a_repeated_user(self, client: Client) -> None:
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
            (
                [follow(user.id, one, first.timestamp), follow(user.id, other, second.timestamp)],
                [b"2"],
            ),
        ]:
            response = await client.feed(*entries)
            assert payloads_of(response) == expected
            assert response.invalid_follow_secrets == []

    async def test_returns_events_despite_an_additional_wrong_secret(self, client: Client) -> None:
        user = await client.new_user()
        await published(client, user, b"1")
        secret = await client.new_secret(user)
        response = await client.feed(follow(user.id, "wrong"), follow(user.id, secret))
        assert payloads_of(response) == [b"1"]
        assert list(response.invalid_follow_secrets) == ["wrong"]

    async def test_reads_200_users_and_rejects_201(
        self, client: Client, database: asyncpg.Connection
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
        response = await client.feed(*entries)
        assert {UUID(event.user_id) for event in response.events} == set(ids)
        assert len(response.events) == 200
        assert response.invalid_follow_secrets == []
        with refused(StatusCode.INVALID_ARGUMENT, "users"):
            await client.feed(*entries, follow(SOME_UUID, "one too many"))

    async def test_rejects_empty_request(self, client: Client) -> None:
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
    async def test_names_invalid_entry_by_index(
        self, client: Client, entry: event_pb2.FollowedUser, field: str
    ) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.feed(follow(SOME_UUID, "secret"), entry)

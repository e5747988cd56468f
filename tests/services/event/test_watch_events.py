"""WatchEvents over gRPC."""

from collections.abc import AsyncIterator

import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import event_pb2, event_pb2_grpc, user_pb2

from server.libraries.network.channel import open_channel
from tests.services.event.test_get_events_by_cursor import (
    cursor_of_another_database,
    following,
    publish,
    remove,
)
from tests.services.event.watching import Stub, WatchedFeed, watching
from tests.support.client import SOME_UUID, Client, User
from tests.support.stack import Stack

# Streams over REST: test_watch_events_rest.py.
pytestmark = pytest.mark.parametrize("transport", ["grpc"], indirect=True)


@pytest.fixture
async def user(client: Client) -> User:
    return await client.new_user()


@pytest.fixture
async def streams(stack: Stack) -> AsyncIterator[Stub]:
    """A stub over a channel, for streams."""
    async with open_channel(stack.url) as channel:
        yield event_pb2_grpc.EventServiceStub(channel)


@pytest.fixture
async def feed(client: Client, streams: Stub, user: User) -> AsyncIterator[WatchedFeed]:
    """A stream of one user, which has caught up."""
    secrets = (await following(client, user)).secrets
    async with watching(streams, WatchedFeed(secrets)) as feed:
        yield feed


class TestBacklog:
    async def test_comes_before_caught_up_with_a_cursor(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        await publish(client, user, b"1")
        secrets = (await following(client, user)).secrets
        async with watching(streams, WatchedFeed(secrets)) as feed:
            assert feed.messages == ["event", "cursor", "caught_up"]
            assert feed.payloads() == [b"1"]

    async def test_without_events_is_a_cursor(self, feed: WatchedFeed) -> None:
        assert feed.messages == ["cursor", "caught_up"]

    async def test_is_complete_in_pages(self, client: Client, streams: Stub, user: User) -> None:
        for number in range(30):
            await publish(client, user, bytes([number]) * 15_000)
        secrets = (await following(client, user)).secrets
        async with watching(streams, WatchedFeed(secrets)) as feed:
            assert len(feed.events) == 30
            assert feed.messages.count("cursor") > 1

    async def test_continues_at_the_cursor_of_either_call(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        first = await publish(client, user, b"1")
        follower = await following(client, user)
        await follower.poll(client)
        await remove(client, user, first)
        feed = WatchedFeed(follower.secrets, follower.events, follower.cursors)
        async with watching(streams, feed):
            assert feed.messages == ["deleted", "cursor", "caught_up"]
        await publish(client, user, b"2")
        follower.cursors |= feed.cursors
        assert [one.encrypted_event_payload for one in (await follower.poll(client)).events] == [
            b"2"
        ]

    async def test_begins_again_after_a_cursor_of_another_database(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        await publish(client, user, b"1")
        secrets = (await following(client, user)).secrets
        lost = {(user.id, "lost"): b"lost"}
        feed = WatchedFeed(secrets, lost, {user.id: cursor_of_another_database(user)})
        async with watching(streams, feed):
            assert feed.messages == ["reset", "event", "cursor", "caught_up"]
            assert feed.payloads() == [b"1"]


class TestChanges:
    async def test_are_sent_as_they_are_committed(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        event = await publish(client, user, b"1")
        await feed.read_cursors(1)
        assert feed.payloads() == [b"1"]
        await publish(client, user, b"new", event)
        await feed.read_cursors(1)
        assert feed.payloads() == [b"new"]
        await remove(client, user, event)
        await feed.read(until="deleted")
        assert feed.payloads() == []

    async def test_reach_every_stream(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        secrets = (await following(client, user)).secrets
        async with watching(streams, WatchedFeed(secrets)) as other:
            await publish(client, user, b"1")
            for one in (feed, other):
                await one.read(until="event")
                assert one.payloads() == [b"1"]

    async def test_of_other_users_are_not_sent(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        stranger = await client.new_user()
        await publish(client, stranger, b"private")
        await publish(client, user, b"mine")
        await feed.read(until="event")
        assert feed.payloads() == [b"mine"]

    async def test_continue_where_a_broken_stream_ended(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        await publish(client, user, b"1")
        await feed.read_cursors(1)
        feed.call.cancel()
        await publish(client, user, b"2")
        async with watching(streams, feed):
            assert feed.messages == ["event", "cursor", "caught_up"]
            assert feed.payloads() == [b"1", b"2"]


class TestInvalidSecrets:
    async def test_are_named_and_end_a_stream_of_nothing_else(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        async with watching(streams, WatchedFeed({user.id: "wrong"})) as feed:
            assert feed.invalid == [(user.id, "wrong")]
            assert await feed.read_to_end() == "NOTHING_TO_WATCH"

    async def test_do_not_end_the_others(self, client: Client, streams: Stub, user: User) -> None:
        secrets = (await following(client, user)).secrets | {SOME_UUID: "wrong"}
        async with watching(streams, WatchedFeed(secrets)) as feed:
            assert feed.invalid == [(SOME_UUID, "wrong")]
            await publish(client, user, b"1")
            await feed.read(until="event")

    async def test_of_now_end_their_part_of_the_stream(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        secret = feed.secrets[user.id]
        other = await client.new_user()
        both = WatchedFeed(feed.secrets | (await following(client, other)).secrets)
        async with watching(streams, both):
            await client.revoke(user, secret)
            await publish(client, user, b"secret")
            await publish(client, other, b"1")
            await both.read(until="event")
            await both.read(until="invalid_follow_secret") if not both.invalid else None
            assert both.invalid == [(user.id, secret)]
            assert both.payloads() == [b"1"]
        assert await feed.read_to_end() == "NOTHING_TO_WATCH"
        assert feed.payloads() == []

    async def test_are_those_of_a_deleted_user(
        self, client: Client, streams: Stub, user: User, feed: WatchedFeed
    ) -> None:
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )
        await feed.read(until="invalid_follow_secret")
        assert await feed.read_to_end() == "NOTHING_TO_WATCH"


async def assert_invalid(streams: Stub, entry: event_pb2.FollowedUser) -> None:
    with pytest.raises(aio.AioRpcError) as raised:
        await streams.WatchEvents(event_pb2.WatchEventsRequest(users=[entry])).read()
    assert raised.value.code() is StatusCode.INVALID_ARGUMENT


class TestRequests:
    async def test_with_a_malformed_cursor_are_invalid(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        entry = event_pb2.FollowedUser(user_id=user.id, follow_secret="a", cursor="malformed")
        await assert_invalid(streams, entry)

    async def test_that_are_too_large_are_invalid(
        self, client: Client, streams: Stub, user: User
    ) -> None:
        entry = event_pb2.FollowedUser(user_id=user.id, follow_secret="a" * 70_000)
        await assert_invalid(streams, entry)

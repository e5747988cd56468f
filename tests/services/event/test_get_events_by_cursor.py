"""GetEvents with cursors, over every transport."""

import datetime as dt
from uuid import UUID, uuid4

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.services.event.cursor import Position, encode
from tests.services.event.follower import Follower
from tests.support.client import Client, User, event_of, follow, refused
from tests.support.events import YEAR_1


async def publish(client: Client, user: User, payload: bytes, event_id: str = "") -> str:
    event = event_of(user, payload)
    event.event_id = event_id or event.event_id
    await client.events.PutEvent(event)
    return event.event_id


async def remove(client: Client, user: User, event_id: str) -> None:
    await client.events.DeleteEvent(
        event_pb2.DeleteEventRequest(user_id=user.id, password=user.password, event_id=event_id)
    )


async def following(client: Client, *users: User) -> Follower:
    return Follower({user.id: await client.new_secret(user) for user in users})


class TestGetEventsByCursor:
    async def test_returns_only_changes(self, client: Client) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        first = await publish(client, user, b"1")
        await publish(client, user, b"2")
        assert len((await follower.poll(client)).events) == 2
        nothing = await follower.poll(client)
        assert (list(nothing.events), list(nothing.deleted), list(nothing.resets)) == ([], [], [])
        await publish(client, user, b"new", first)
        assert len((await follower.poll(client)).events) == 1
        assert follower.payloads() == [b"2", b"new"]

    async def test_returns_deletions(self, client: Client) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        ids = [await publish(client, user, payload) for payload in (b"1", b"2", b"3")]
        await follower.poll(client)
        await remove(client, user, ids[0])
        await remove(client, user, ids[1])
        await publish(client, user, b"again", ids[1])
        response = await follower.poll(client)
        assert [one.event_id for one in response.deleted] == [ids[0]]
        assert follower.payloads() == [b"3", b"again"]

    async def test_returns_no_deletion_to_those_who_begin(self, client: Client) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        await remove(client, user, await publish(client, user, b"1"))
        await publish(client, user, b"2")
        for _ in range(2):
            assert list((await follower.poll(client)).deleted) == []
        assert follower.payloads() == [b"2"]

    async def test_tells_the_deletion_of_what_came_after_the_cursor_of_an_empty_feed(
        self, client: Client
    ) -> None:
        """A watcher may have it: the connection broke before the next cursor.

        Others have nothing to remove, and learn of it once.
        """
        user = await client.new_user()
        follower = await following(client, user)
        await follower.poll(client)
        event = await publish(client, user, b"1")
        await remove(client, user, event)
        response = await follower.poll(client)
        assert [one.event_id for one in response.deleted] == [event]
        assert list((await follower.poll(client)).deleted) == []

    async def test_tells_the_deletion_of_what_was_read_by_time(self, client: Client) -> None:
        user = await client.new_user()
        secret = await client.new_secret(user)
        event = await publish(client, user, b"1")
        follower = Follower({user.id: secret})
        follower.apply(await client.feed(follow(user.id, secret, Timestamp(seconds=YEAR_1))))
        assert follower.payloads() == [b"1"]
        await remove(client, user, event)
        await follower.poll(client)
        assert (follower.payloads(), follower.resets) == ([], 0)

    async def test_serves_each_entry_by_itself(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        follower = await following(client, one)
        await publish(client, one, b"1")
        await follower.poll(client)
        await publish(client, one, b"2")
        await publish(client, other, b"3")
        follower.secrets[other.id] = await client.new_secret(other)
        response = await client.feed(
            event_pb2.FollowedUser(
                user_id=one.id,
                follow_secret=follower.secrets[one.id],
                cursor=follower.cursors[one.id],
            ),
            follow(other.id, follower.secrets[other.id]),
            event_pb2.FollowedUser(user_id=other.id, follow_secret="wrong", cursor=""),
        )
        assert [event.encrypted_event_payload for event in response.events] == [b"2", b"3"]
        assert list(response.invalid_follow_secrets) == ["wrong"]
        assert set(response.cursors) == {one.id, other.id}

    async def test_gives_no_cursor_for_a_wrong_secret(self, client: Client) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        await publish(client, user, b"1")
        await follower.poll(client)
        follower.secrets[user.id] = "wrong"
        response = await follower.poll(client)
        assert (dict(response.cursors), list(response.events)) == ({}, [])
        assert list(response.invalid_follow_secrets) == ["wrong"]

    @pytest.mark.parametrize("cursor", ["x", "A" * 90])
    async def test_rejects_malformed_cursor(self, client: Client, cursor: str) -> None:
        user = await client.new_user()
        entry = event_pb2.FollowedUser(user_id=user.id, follow_secret="s", cursor=cursor)
        with refused(StatusCode.INVALID_ARGUMENT, "users[0].cursor"):
            await client.feed(entry)

    async def test_rejects_the_cursor_of_another_user(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        follower = await following(client, one, other)
        await follower.poll(client)
        follower.cursors[one.id] = follower.cursors[other.id]
        with refused(StatusCode.INVALID_ARGUMENT, "users[0].cursor"):
            await follower.poll(client)


def cursor_of_another_database(user: User) -> str:
    """Return a cursor from before the tables were taken over into a new database: another key."""
    return encode(
        Incarnation(b"previous", b"k" * 32), UUID(user.id), Position(dt.datetime.now(dt.UTC))
    )


class TestReset:
    async def test_resets_a_cursor_of_another_database(self, client: Client) -> None:
        user, other = await client.new_user(), await client.new_user()
        follower = await following(client, user, other)
        await publish(client, user, b"kept")
        await follower.poll(client)
        follower.events[user.id, "lost"] = b"lost"
        follower.cursors[user.id] = cursor_of_another_database(user)
        await publish(client, other, b"other")
        response = await follower.poll(client)
        assert list(response.resets) == [user.id]
        assert follower.payloads() == [b"kept", b"other"]
        assert list((await follower.poll(client)).resets) == []

    async def test_resets_a_cursor_ahead_of_the_database(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        kept = await publish(client, user, b"kept")
        await publish(client, user, b"lost")
        await follower.poll(client)
        # As after a restore: the last event and its time are gone.
        async with database.transaction():
            await database.execute("SET LOCAL session_replication_role = replica")
            await database.execute(
                "DELETE FROM user_events WHERE user_id = $1 AND id <> $2", UUID(user.id), UUID(kept)
            )
            await database.execute(
                """
                UPDATE user_event_clocks AS clock SET timestamp = event.timestamp
                FROM user_events AS event
                WHERE clock.user_id = $1 AND event.user_id = $1
                """,
                UUID(user.id),
            )
        response = await follower.poll(client)
        assert list(response.resets) == [user.id]
        assert (follower.payloads(), follower.resets) == ([b"kept"], 1)
        assert list((await follower.poll(client)).resets) == []

    async def test_resets_a_cursor_older_than_the_recorded_deletions(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        follower = await following(client, user)
        gone = await publish(client, user, b"gone")
        await publish(client, user, b"kept")
        await follower.poll(client)
        await remove(client, user, gone)
        # As the sweep leaves it after 30 days.
        await database.execute(
            """
            WITH gone AS (
                DELETE FROM user_event_deletions WHERE user_id = $1 RETURNING timestamp
            )
            UPDATE user_event_clocks SET pruned = (SELECT max(timestamp) FROM gone)
            WHERE user_id = $1
            """,
            UUID(user.id),
        )
        await follower.poll(client)
        assert (follower.payloads(), follower.resets) == ([b"kept"], 1)
        newcomer = await following(client, user)
        await newcomer.poll(client)
        await newcomer.poll(client)
        await newcomer.poll(client)
        assert (newcomer.payloads(), newcomer.resets <= 1) == ([b"kept"], True)


class TestDeleteEvent:
    async def test_is_idempotent(self, client: Client) -> None:
        user = await client.new_user()
        event = await publish(client, user, b"1")
        for _ in range(2):
            await remove(client, user, event)
        await remove(client, user, str(uuid4()))
        assert (
            list((await client.feed(follow(user.id, await client.new_secret(user)))).events) == []
        )

    async def test_deletes_only_own_events(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        event = await publish(client, one, b"1")
        await remove(client, other, event)
        response = await client.feed(follow(one.id, await client.new_secret(one)))
        assert len(response.events) == 1

    async def test_frees_the_quota(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        event = await publish(client, user, b"1" * 100)
        usage = "SELECT events, bytes FROM user_event_clocks WHERE user_id = $1"
        before = await database.fetchrow(usage, UUID(user.id))
        await remove(client, user, event)
        after = await database.fetchrow(usage, UUID(user.id))
        assert before and after
        assert (before["events"] - after["events"], before["bytes"] - after["bytes"]) == (1, 100)

    @pytest.mark.parametrize("event_id", ["", "x"])
    async def test_rejects_invalid_id(self, client: Client, event_id: str) -> None:
        user = await client.new_user()
        with refused(StatusCode.INVALID_ARGUMENT, "event_id"):
            await remove(client, user, event_id)

    async def test_rejects_wrong_password(self, client: Client) -> None:
        user = await client.new_user()
        with refused(StatusCode.UNAUTHENTICATED):
            await remove(client, User(id=user.id, password="wrong"), str(uuid4()))

    async def test_fails_for_unknown_user(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await remove(client, User(id=str(uuid4()), password="x"), str(uuid4()))

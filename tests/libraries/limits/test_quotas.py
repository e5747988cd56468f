"""Quotas of one user, over every transport."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import httpx2
from gymlocker.v2 import event_pb2, workout_pb2

from server.libraries.limits.quota import MAX_BYTES, MAX_LIFETIME
from server.services.event.statements import MAX_EVENTS
from server.services.follow.repository import MAX_FOLLOW_SECRETS
from server.services.share.repository import MAX_SHARED_ITEMS
from tests.libraries.limits.conftest import LimitedStack, World
from tests.libraries.limits.refusals import refused_for
from tests.support.client import User, bearer, event_of, follow, item_of

ADD_EVENTS = """
INSERT INTO user_events (user_id, id, timestamp, last_accessed, expiry, encrypted_event,
    encryption_iv)
SELECT $1, gen_random_uuid(), now(), now(), $4, $3, 'iv' FROM generate_series(1, $2)
RETURNING id
"""
ADD_ITEMS = """
INSERT INTO shared_items (id, user_id, timestamp, expiry, encrypted_payload, encryption_iv)
SELECT gen_random_uuid(), $1, now(), $4, $3, 'iv' FROM generate_series(1, $2)
RETURNING id
"""
ADD_SECRETS = """
INSERT INTO user_follow_secrets (id, user_id, value)
SELECT gen_random_uuid(), $1, i::text FROM generate_series(1, $2) AS i
"""
UNCOUNTED = """
UPDATE user_event_clocks SET events = NULL, bytes = NULL, counted = NULL WHERE user_id = $1
"""
SOON = datetime.now(UTC) + timedelta(days=30)


def replacing(user: User, event_id: UUID, payload: bytes) -> event_pb2.PutEventRequest:
    request = event_of(user, payload)
    request.event_id = str(event_id)
    return request


async def add(
    connection: asyncpg.Connection, statement: str, user: User, number: int, payload: bytes = b"x"
) -> list[UUID]:
    """Add rows as if from before the takeover, when the user was not counted."""
    rows = await connection.fetch(statement, UUID(user.id), number, payload, SOON)
    await connection.execute(UNCOUNTED, UUID(user.id))
    return [row["id"] for row in rows]


class TestQuotas:
    async def test_limit_events_to_10_000(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        await client.events.PutEvent(event_of(user))
        ids = await add(connection, ADD_EVENTS, user, MAX_EVENTS - 2)
        await client.events.PutEvent(event_of(user))
        with refused_for("QUOTA_EXCEEDED", seconds=3600):
            await client.events.PutEvent(event_of(user))
        await client.events.PutEvent(replacing(user, ids[0], b"another, and a longer one"))
        await connection.execute("DELETE FROM user_events WHERE id = $1", ids[1])
        await client.events.PutEvent(event_of(user))
        with refused_for("QUOTA_EXCEEDED"):
            await client.events.PutEvent(event_of(user))

    async def test_limit_events_and_items_to_64_mib_together(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        await client.shares.CreateSharedItem(item_of(user, b"x" * 1000))
        [large] = await add(connection, ADD_EVENTS, user, 1, bytes(MAX_BYTES - 2000))
        await client.events.PutEvent(event_of(user, b"x" * 1000))
        for store in (
            lambda: client.events.PutEvent(event_of(user, b"x")),
            lambda: client.shares.CreateSharedItem(item_of(user, b"x")),
        ):
            with refused_for("QUOTA_EXCEEDED", seconds=3600):
                await store()
        await client.events.PutEvent(replacing(user, large, b"smaller"))
        await client.shares.CreateSharedItem(item_of(user, b"x"))

    async def test_limit_follow_secrets_to_5_000(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        await connection.execute(ADD_SECRETS, UUID(user.id), MAX_FOLLOW_SECRETS)
        with refused_for("QUOTA_EXCEEDED", seconds=3600):
            await client.accept(user, "one more")
        # A stored secret is accepted again.
        await client.accept(user, "17")
        await client.revoke(user, "17")
        await client.accept(user, "one more")
        assert not (await client.feed(follow(user.id, "one more"))).invalid_follow_secrets

    async def test_limit_shared_items_to_1_000(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        await add(connection, ADD_ITEMS, user, MAX_SHARED_ITEMS - 1)
        await client.shares.CreateSharedItem(item_of(user))
        request = item_of(user)
        # With a request id and without.
        for request_id in ("", "rejected"):
            request.request_id = request_id
            with refused_for("QUOTA_EXCEEDED", seconds=3600):
                await client.shares.CreateSharedItem(request)
        await connection.execute(
            "DELETE FROM shared_items WHERE id = (SELECT min(id) FROM shared_items"
            " WHERE user_id = $1)",
            UUID(user.id),
        )
        created = await client.shares.CreateSharedItem(request)
        assert await client.shared_item(created.id)

    async def test_keep_what_a_user_had_before_the_takeover(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        # As after a takeover, when the user was never counted.
        ids = await add(connection, ADD_EVENTS, user, MAX_EVENTS + 5, b"payload")
        await client.events.PutEvent(event_of(user))
        with refused_for("QUOTA_EXCEEDED"):
            await client.events.PutEvent(event_of(user))
        await client.events.PutEvent(replacing(user, ids[0], b"changed"))
        query = "SELECT count(*) FROM user_events WHERE user_id = $1"
        assert await connection.fetchval(query, user.id) == MAX_EVENTS + 6

    async def test_limit_workouts_to_100_000(
        self, world: World, limited_stack: LimitedStack, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        metadata = bearer(await client.login(user))
        # The quota counts by the sums of each day.
        await connection.execute(
            "INSERT INTO workout_days VALUES ($1, '2026-01-01', 'running', 99999, 99999)",
            UUID(user.id),
        )
        create = [
            workout_pb2.CreateWorkoutRequest(
                date="2026-02-07", type="Running", duration=30, request_id=name
            )
            for name in ("first", "second")
        ]
        first = await client.workouts.CreateWorkout(create[0], metadata=metadata)
        with refused_for("QUOTA_EXCEEDED", seconds=3600):
            await client.workouts.CreateWorkout(create[1], metadata=metadata)
        # A repeated request creates no other workout.
        assert await client.workouts.CreateWorkout(create[0], metadata=metadata) == first
        async with httpx2.AsyncClient(
            base_url=limited_stack.stack.url, headers=dict(metadata)
        ) as http:
            csv = b"date,type,duration,notes\n2026-02-08,Running,30,\n2026-02-09,Running,30,\n"
            response = await http.post("/workouts/import", content=csv)
            assert response.status_code == 429, response.text
            assert response.json()["details"][0]["reason"] == "QUOTA_EXCEEDED"
            listed = (await http.get("/workouts")).json()["workouts"]
        assert [workout["id"] for workout in listed] == [first.id]


class TestExpiry:
    async def test_is_capped_to_ten_years(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        request, item = event_of(user), item_of(user)
        for expiry in (request.expiry, item.expiry):
            expiry.FromJsonString("9999-12-31T23:59:59.999999999Z")
        await client.events.PutEvent(request)
        await client.shares.CreateSharedItem(item)
        [event] = (await client.feed(follow(user.id, await client.new_secret(user)))).events
        latest = datetime.now(UTC) + MAX_LIFETIME
        assert latest - timedelta(hours=1) < event.expiry.ToDatetime(UTC) <= latest
        found = await connection.fetchval(
            "SELECT expiry FROM shared_items WHERE user_id = $1", user.id
        )
        assert latest - timedelta(hours=1) < found <= latest

    async def test_beyond_the_year_9999_is_readable(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        client = world.client()
        user = await client.created_user()
        secret = await client.new_secret(user)
        [event_id] = await add(connection, ADD_EVENTS, user, 1)
        await connection.execute(
            "UPDATE user_events SET expiry = '250000-01-01', timestamp = '10000-01-01 00:00+00'"
            " WHERE id = $1",
            event_id,
        )
        [event] = (await client.feed(follow(user.id, secret))).events
        assert event.expiry.ToJsonString() == "9999-12-31T23:59:59.999999Z"
        assert event.timestamp.ToJsonString() == "9999-12-31T23:59:59.999999Z"

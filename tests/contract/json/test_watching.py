"""Streams of changes over REST, as text/event-stream."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.services.event.test_get_events_by_cursor import publish, remove
from tests.support.client import Client, User

pytestmark = pytest.mark.parametrize("transport", ["grpc"], indirect=True)


@pytest.fixture
async def user(client: Client) -> User:
    return await client.new_user()


@asynccontextmanager
async def watching(
    rest: httpx2.AsyncClient, path: str, body: dict[str, Any]
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Yield the messages of a stream, without heartbeats."""
    async with rest.stream("POST", path, json=body) as response:
        assert (response.status_code, response.headers["content-type"]) == (
            200,
            "text/event-stream",
        )

        async def messages() -> AsyncIterator[dict[str, Any]]:
            async for line in response.aiter_lines():
                if line and "heartbeat" not in (message := json.loads(line.removeprefix("data: "))):
                    yield message

        yield messages()


@pytest.mark.parametrize("prefix", ["", "/v2"])
class TestEvents:
    async def test_are_messages_of_one_field(
        self, client: Client, rest: httpx2.AsyncClient, user: User, prefix: str
    ) -> None:
        secret = await client.new_secret(user)
        entry = {"userId": user.id, "followSecret": secret}
        async with watching(rest, f"{prefix}/events/watch", {"users": [entry]}) as messages:
            cursor = (await anext(messages))["cursor"]
            assert cursor["userId"] == user.id
            assert await anext(messages) == {"caughtUp": {}}
            event_id = await publish(client, user, b"1")
            event = (await anext(messages))["event"]
            assert sorted(event) == [
                "encryptedEventIV",
                "encryptedEventPayload",
                "eventId",
                "expiry",
                "timestamp",
                "userId",
            ]
            assert (await anext(messages))["cursor"] != cursor
            await remove(client, user, event_id)
            assert await anext(messages) == {"deleted": {"userId": user.id, "eventId": event_id}}
            await anext(messages)
            await client.revoke(user, secret)
            invalid = {"userId": user.id, "followSecret": secret}
            assert await anext(messages) == {"invalidFollowSecret": invalid}
            assert await anext(messages) == {"ended": {"reason": "NOTHING_TO_WATCH"}}
            assert [message async for message in messages] == []

    async def test_go_on_from_a_cursor(
        self, client: Client, rest: httpx2.AsyncClient, user: User, prefix: str
    ) -> None:
        await publish(client, user, b"1")
        entry = {"userId": user.id, "followSecret": await client.new_secret(user)}
        polled = (await rest.post("/events", json={"users": [entry]})).json()
        entry |= {"cursor": polled["cursors"][user.id], "since": "2000-01-01T00:00:00Z"}
        async with watching(rest, f"{prefix}/events/watch", {"users": [entry]}) as messages:
            assert (await anext(messages))["cursor"]["userId"] == user.id
            assert await anext(messages) == {"caughtUp": {}}


@pytest.mark.parametrize("prefix", ["", "/v2"])
class TestInbox:
    async def test_counts_messages(
        self, client: Client, rest: httpx2.AsyncClient, user: User, prefix: str
    ) -> None:
        body = {"userId": user.id, "password": user.password}
        async with watching(rest, f"{prefix}/inbox/watch", body) as messages:
            assert await anext(messages) == {"waiting": {"count": 0}}
            await client.send(user.id, b"1")
            assert await anext(messages) == {"waiting": {"count": 1}}


class TestErrors:
    async def test_come_before_the_stream(self, rest: httpx2.AsyncClient, user: User) -> None:
        body = {"userId": user.id, "password": "wrong"}
        response = await rest.post("/inbox/watch", json=body)
        assert (response.status_code, response.json()["details"][0]["reason"]) == (
            401,
            "WRONG_PASSWORD",
        )

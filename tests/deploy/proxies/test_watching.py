"""Streams of changes through each proxy."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from grpc import aio
from gymlocker.v2 import event_pb2, event_pb2_grpc

from tests.deploy.proxies.programs import Proxy
from tests.deploy.proxies.test_calls import VERSIONS, curl, source

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


class TestWatching:
    @pytest.mark.parametrize("version", VERSIONS)
    async def test_events_arrive_as_they_are_published(self, proxy: Proxy, version: str) -> None:
        async with proxy.client(source()) as client:
            user = (await client.post("/user/create", json={})).json()
            owner = {"userId": user["id"], "password": user["password"]}
            entry = {"userId": user["id"], "followSecret": "dawn"}
            (await client.put("/follow-secret", json=owner | entry)).raise_for_status()
            words = (version, "-d", json.dumps({"users": [entry]}))
            async with curl(proxy, *words, f"{proxy.url}/events/watch") as process:
                await line_with(process, b"caughtUp")
                event = owner | {
                    "eventId": str(uuid4()),
                    "encryptedEventPayload": "d29ya291dA==",
                    "encryptedEventIV": "AAECAwQFBgcICQoLDA0ODw==",
                    "expiry": "2036-01-01T00:00:00Z",
                }
                (await client.put("/event", json=event)).raise_for_status()
                await line_with(process, event["eventId"].encode())
            deletion = {"id": user["id"], "password": user["password"]}
            (await client.post("/user/delete", json=deletion)).raise_for_status()

    async def test_grpc_stream_arrives_message_by_message(
        self, proxy: Proxy, channel: aio.Channel
    ) -> None:
        stub = event_pb2_grpc.EventServiceStub(channel)
        async with proxy.client(source()) as client:
            user = (await client.post("/user/create", json={})).json()
            secret = {"userId": user["id"], "followSecret": "dawn"}
            body = secret | {"password": user["password"]}
            (await client.put("/follow-secret", json=body)).raise_for_status()
            followed = event_pb2.FollowedUser(user_id=user["id"], follow_secret="dawn")
            call = stub.WatchEvents(event_pb2.WatchEventsRequest(users=[followed]), timeout=60)
            assert await names(call, until="caught_up") == ["cursor", "caught_up"]
            (await client.post("/follow-secret/delete", json=body)).raise_for_status()
            assert await names(call, until="ended") == ["invalid_follow_secret", "ended"]


async def line_with(process: asyncio.subprocess.Process, text: bytes) -> None:
    """Read until a line contains the text, before the stream has ended."""
    assert process.stdout
    async with asyncio.timeout(30):
        while text not in (line := await process.stdout.readline()):
            assert line


async def names(call: Any, *, until: str) -> list[str]:
    """Return the names of the next messages but heartbeats, up to and with `until`."""
    found = [""]
    while found[-1] != until:
        found.append(str((await call.read()).WhichOneof("message")))
    return [name for name in found[1:] if name != "heartbeat"]

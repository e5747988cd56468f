"""Streams of changes of a worker: their limit, and their end when the worker stops."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import event_pb2, inbox_pb2

from server.libraries.rpc.server import STOP_GRACE_SECONDS
from tests.support.client import Client, User, follow
from tests.support.worker import health, serving

pytestmark = pytest.mark.extended

Open: TypeAlias = Callable[[Client, User], Awaitable[Any]]


async def watch_events(client: Client, user: User) -> Any:
    """Open a stream of events and read its first message."""
    entry = follow(user.id, await client.new_secret(user))
    call = client.events.WatchEvents(event_pb2.WatchEventsRequest(users=[entry]))
    return call, await call.read()


async def watch_inbox(client: Client, user: User) -> Any:
    """Open a stream of an inbox and read its first message."""
    call = client.inbox.WatchInbox(
        inbox_pb2.WatchInboxRequest(user_id=user.id, password=user.password)
    )
    return call, await call.read()


KINDS = [pytest.param(watch_events, id="events"), pytest.param(watch_inbox, id="inbox")]


@asynccontextmanager
async def worker_at(
    socket: Path, url: str, **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    """Run a worker."""
    async with serving(socket, url, **settings) as worker:
        assert await health(socket) == "ok"
        async with aio.insecure_channel(f"unix:{socket}") as channel:
            yield worker, Client(channel)


async def last_of(call: Any) -> Any:
    """Read a stream to its end and return the last message."""
    last: Any = None
    while (message := await call.read()) is not aio.EOF:
        last = message
    return last


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_end_when_the_worker_stops(
    migrated_database: str, tmp_path: Path, number: signal.Signals
) -> None:
    async with worker_at(tmp_path / "worker.sock", migrated_database) as (worker, client):
        user = await client.created_user()
        opened = [await open_(client, user) for open_ in (watch_events, watch_inbox) * 5]
        worker.send_signal(number)
        # The process would wait for open streams as long as for other calls, and then cut them off.
        async with asyncio.timeout(STOP_GRACE_SECONDS):
            messages = await asyncio.gather(*(last_of(call) for call, _ in opened))
        assert {message.ended.reason for message in messages} == {"SERVER_STOPPING"}
        assert [await call.code() for call, _ in opened] == [StatusCode.OK] * len(opened)
        assert await worker.wait() == 0


@pytest.mark.parametrize("open_", KINDS)
async def test_have_a_limit_of_their_own(
    migrated_database: str, tmp_path: Path, open_: Open
) -> None:
    settings = {"WATCHERS_PER_ADDRESS": "2", "CALLS_PER_ADDRESS": "1", "STREAMS_PER_ADDRESS": "1"}
    socket = tmp_path / "worker.sock"
    async with worker_at(socket, migrated_database, **settings) as (_, client):
        user = await client.created_user()
        first, _ = await watch_events(client, user)
        await watch_inbox(client, user)
        with pytest.raises(aio.AioRpcError) as raised:
            await open_(client, user)
        assert raised.value.code() is StatusCode.RESOURCE_EXHAUSTED
        assert "TOO_MANY_CALLS" in str(raised.value.trailing_metadata())
        # Calls and other streams have limits of their own.
        assert await client.take_messages(user) == []
        assert await health(socket) == "ok"
        with pytest.raises(aio.AioRpcError) as other:
            await client.planner.Chat().read()
        assert other.value.code() is not StatusCode.RESOURCE_EXHAUSTED
        # One that has ended frees its place.
        first.cancel()
        async with asyncio.timeout(20):
            while not await is_admitted(open_, client, user):
                await asyncio.sleep(0.05)


async def is_admitted(open_: Open, client: Client, user: User) -> bool:
    try:
        await open_(client, user)
    except grpc.RpcError:
        return False
    return True

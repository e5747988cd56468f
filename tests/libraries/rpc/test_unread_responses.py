"""Clients that read nothing: others are served, memory is bounded, and their calls end.

This runs against the whole stack with its default timeouts.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import grpc
import httpx2
import psutil
import pytest
from gymlocker.v2 import event_pb2, user_pb2

from server.libraries.rpc.large_responses import TIMEOUT_SECONDS
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.support.client import KIB, Client, follow
from tests.support.events import insert_events
from tests.support.stack import Stack, running_stack
from tests.support.unreading_clients import (
    UnreadingClient,
    WindowlessConnection,
    framed,
    grpc_headers,
)

pytestmark = pytest.mark.extended

# Much less than a hung response: a machine with two cores is busy with other tests meanwhile.
END_SECONDS = 80
MAX_WORKER_BYTES, MAX_ENVOY_BYTES = 300 * 2**20, 600 * 2**20
STREAMS_PER_CONNECTION = 100
PICTURE = os.urandom(2_000 * KIB)
PAYLOAD, EVENTS = os.urandom(15 * KIB), 350  # 5 MB


@pytest.fixture(scope="module")
def stack(postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack for this module, whose memory no other test has used."""
    url = asyncio.run(make_database(postgres, "unread"))
    with running_stack(tmp_path_factory.mktemp("unread"), DATABASE_URL=url) as stack:
        yield stack


@pytest.fixture
async def reader(stack: Stack) -> AsyncIterator[Client]:
    """Return another client, which reads its responses."""
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(stack.address, options) as channel:
        yield Client(channel)


@dataclass
class Memory:
    """Peak memory of workers and Envoy, as sampled."""

    stack: Stack
    peaks: dict[str, int] = field(default_factory=dict)

    def sample(self) -> None:
        for process in psutil.Process(self.stack.process.pid).children(recursive=True):
            words = " ".join(process.cmdline())
            name = "worker" if " serve " in words else "envoy" if "envoy.yaml" in words else ""
            self.peaks[name] = max(self.peaks.get(name, 0), process.memory_info().rss)


@dataclass
class Attacker:
    """A client that sends requests and reads no response."""

    stack: Stack
    resources: AsyncExitStack
    address: str
    connections: list[WindowlessConnection] = field(default_factory=list)
    readers: list[UnreadingClient] = field(default_factory=list)

    async def request_over_grpc(self, method: str, message: bytes, times: int) -> None:
        """Make calls on one connection, with as many streams as it may have."""
        connection = WindowlessConnection(self.stack.port, self.address)
        self.connections.append(await self.resources.enter_async_context(connection))
        for _ in range(times):
            await connection.request(grpc_headers(f"/gymlocker.v2.{method}"), framed(message))

    def request_over_rest(self, line: str, body: bytes, times: int) -> None:
        """Make requests, each on its own connection."""
        head = f"{line} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        for _ in range(times):
            reader = UnreadingClient(self.stack.port, request, self.address)
            self.resources.callback(reader.close)
            self.readers.append(reader)

    def has_unread_responses(self) -> bool:
        """Check whether the server still holds a response for this client."""
        served = {reader.port for reader in self.readers if not reader.was_rejected()}
        unread = any(not connection.has_ended() for connection in self.connections)
        return unread or bool(served & client_ports_of(self.stack))


def client_ports_of(stack: Stack) -> set[int]:
    """Return the client ports of Envoy's connections."""
    return {
        each.raddr.port
        for process in psutil.Process(stack.process.pid).children(recursive=True)
        for each in process.net_connections()
        if each.raddr and each.laddr.port == stack.port and each.status == "ESTABLISHED"
    }


async def create_large_user(client: Client, stack: Stack, url: str) -> tuple[str, str]:
    """Create a user with a large picture and feed; return their id and a follow secret."""
    user = await client.created_user()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "UPDATE users SET encrypted_profile_picture = $2 WHERE id = $1", UUID(user.id), PICTURE
        )
        await insert_events(connection, user.id, PAYLOAD, EVENTS)
    finally:
        await connection.close()
    return user.id, await client.new_secret(user)


async def test_unread_responses_do_not_affect_other_clients(
    stack: Stack, reader: Client, postgres: TemporaryPostgres
) -> None:
    user, secret = await create_large_user(reader, stack, postgres.url("unread"))
    picture = user_pb2.GetUserRequest(id_or_lookup=user).SerializeToString()
    feed = event_pb2.GetEventsRequest(users=[follow(user, secret)]).SerializeToString()
    as_json = json.dumps({"users": [{"userId": user, "followSecret": secret}]}).encode()
    memory = Memory(stack)
    async with AsyncExitStack() as resources:
        attackers = [Attacker(stack, resources, f"127.0.0.{number}") for number in range(2, 4)]
        started = time.monotonic()
        # Each has its own limit on what a worker may hold.
        over_grpc, over_rest = attackers
        await over_grpc.request_over_grpc(
            "UserService/GetUser", picture, 2 * STREAMS_PER_CONNECTION
        )
        await over_grpc.request_over_grpc("EventService/GetEvents", feed, 6)
        over_rest.request_over_rest(f"GET /user/{user}", b"", 32)
        over_rest.request_over_rest("POST /events", as_json, 6)
        rest = await resources.enter_async_context(
            httpx2.AsyncClient(base_url=stack.url, verify=False)
        )
        while any(attacker.has_unread_responses() for attacker in attackers):
            # Some waited before their response was built.
            assert time.monotonic() - started < TIMEOUT_SECONDS + END_SECONDS
            assert (await reader.profile(user)).encrypted_profile_picture == PICTURE
            assert (await rest.get(f"/user/{user}", timeout=10)).status_code == 200
            assert len((await reader.feed(follow(user, secret))).events) == EVENTS
            memory.sample()
            await asyncio.sleep(0.2)
    assert memory.peaks["worker"] < MAX_WORKER_BYTES
    assert memory.peaks["envoy"] < MAX_ENVOY_BYTES

"""What the feed's tests share beyond the house: workers one by one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import aio

from server.programs.local.temporary_postgres import ThrowawayPostgres
from tests.feed.client import Client
from tests.stack import Stack
from tests.worker import health, serving


@pytest.fixture
async def workers(
    stack: Stack, postgres: ThrowawayPostgres, tmp_path: Path
) -> AsyncIterator[list[Client]]:
    """Two workers on the database of the `house`, without Envoy: for what must be so in all."""
    sockets = [tmp_path / "first.sock", tmp_path / "second.sock"]
    url = postgres.url("gymlocker")
    async with serving(sockets[0], url), serving(sockets[1], url):
        for socket in sockets:
            assert await health(socket) == "ok"
        channels = [aio.insecure_channel(f"unix:{socket}") for socket in sockets]
        yield [Client(channel) for channel in channels]
        for channel in channels:
            await channel.close()

"""What the feed's tests share beyond the house: its workers one by one."""

from collections.abc import AsyncIterator

import pytest
from grpc import aio

from tests.feed.client import Client
from tests.house import House


@pytest.fixture
async def workers(house: House) -> AsyncIterator[list[Client]]:
    """Each worker on its own, without Envoy: for what must be so in all of them."""
    sockets = sorted((house.data_dir / "run").resolve().glob("worker-*.sock"))
    channels = [aio.insecure_channel(f"unix:{socket}") for socket in sockets]
    assert len(channels) == 2
    yield [Client(channel) for channel in channels]
    for channel in channels:
        await channel.close()

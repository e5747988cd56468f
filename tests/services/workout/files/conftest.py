"""Every transport for files, and a single one for the other calls."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from grpc import aio

from server.programs.demo.transport import GrpcTransport, Transport
from tests.services.workout.files.transports import GrpcFiles, RestFiles
from tests.support.stack import Stack


@pytest.fixture
async def transport(stack: Stack) -> AsyncIterator[Transport]:
    """Return the transport of the calls without files."""
    transport = GrpcTransport(stack.url)
    yield transport
    await transport.close()


@pytest.fixture
async def channel(stack: Stack) -> AsyncIterator[aio.Channel]:
    """Return a plain gRPC channel, for streams."""
    async with aio.insecure_channel(stack.address) as channel:
        yield channel


@pytest.fixture(params=["grpc", "rest"])
def files(
    request: pytest.FixtureRequest, channel: aio.Channel, rest: httpx2.AsyncClient
) -> GrpcFiles | RestFiles:
    """Return each transport for files."""
    return GrpcFiles(channel) if request.param == "grpc" else RestFiles(rest)

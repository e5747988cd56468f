"""Each way for a file to go, and one way to call for all that is no file."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from grpc import aio

from server.programs.demo.transport import GrpcTransport, Transport
from tests.services.workout.files.ways import GrpcFiles, RestFiles
from tests.support.stack import Stack


@pytest.fixture
async def transport(stack: Stack) -> AsyncIterator[Transport]:
    """One way to call, for all that is no file."""
    transport = GrpcTransport(stack.url)
    yield transport
    await transport.close()


@pytest.fixture
async def channel(stack: Stack) -> AsyncIterator[aio.Channel]:
    """Bare gRPC, for streams."""
    async with aio.insecure_channel(stack.address) as channel:
        yield channel


@pytest.fixture(params=["grpc", "rest"])
def files(
    request: pytest.FixtureRequest, channel: aio.Channel, rest: httpx2.AsyncClient
) -> GrpcFiles | RestFiles:
    """Each way for a file to go."""
    return GrpcFiles(channel) if request.param == "grpc" else RestFiles(rest)

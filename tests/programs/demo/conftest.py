"""A fake server, and transports to it over real gRPC and over REST/JSON."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.programs.demo.transport import GrpcTransport, RestTransport, Transport
from tests.programs.demo.fakes import FakeServer, grpc_server, rest_transport

REST_URL = "http://gymlocker.example"


@pytest.fixture
def fake() -> FakeServer:
    """Return an empty server."""
    return FakeServer()


@pytest_asyncio.fixture
async def over_grpc(fake: FakeServer) -> AsyncIterator[Transport]:
    """Yield a gRPC transport to the fake, over TCP."""
    server = grpc_server(fake)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    transport = GrpcTransport(f"http://127.0.0.1:{port}", timeout=10)
    yield transport
    await transport.close()
    await server.stop(None)


@pytest_asyncio.fixture
async def over_rest(fake: FakeServer) -> AsyncIterator[Transport]:
    """Yield a REST transport to the fake, on the paths without `/v2`."""
    transport = RestTransport(REST_URL, transport=rest_transport(fake))
    yield transport
    await transport.close()


@pytest_asyncio.fixture
async def over_rest_v2(fake: FakeServer) -> AsyncIterator[Transport]:
    """Yield a REST transport to the fake, on the paths with `/v2`."""
    mock = rest_transport(fake, prefix="/v2")
    transport = RestTransport(REST_URL, versioned=True, transport=mock)
    yield transport
    await transport.close()

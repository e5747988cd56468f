"""A house with low bounds, whose callers say where they call from, over gRPC and over REST."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from server.programs.demo.transport import (
    GrpcTransport,
    Metadata,
    RestTransport,
    Transport,
    channel_over,
)
from server.programs.local.temporary_postgres import ThrowawayPostgres
from tests.libraries.database.conftest import make_database
from tests.support.client import Client
from tests.support.stack import Stack, running_stack

NEW_USERS, SECRETS, MESSAGES, WAITING, STORAGE = 2, 5, 5, 4, 100 * 1024
_numbers = count(1)


@dataclass(frozen=True)
class Bounded:
    """A house whose bounds are low. When there is a `disk`, it is full."""

    stack: Stack
    database_url: str
    disk: Path


@pytest.fixture(scope="session")
def bounded(
    postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bounded]:
    """The house. It believes X-Forwarded-For, so that tests can call from anywhere."""
    url = asyncio.run(make_database(postgres, "bounded"))
    folder = tmp_path_factory.mktemp("bounded")
    with running_stack(
        folder / "house",
        DATABASE_URL=url,
        TRUSTED_PROXIES="1",
        NEW_USERS_PER_ADDRESS=f"{NEW_USERS}/60s",
        WRONG_SECRETS_PER_ADDRESS=f"{SECRETS}/600s",
        INBOX_PER_NETWORK=f"{MESSAGES}/600s",
        INBOX_MAX_MESSAGES=str(WAITING),
        STORAGE_PER_NETWORK=str(STORAGE),
        MIN_FREE_DISK="100",
        DATABASE_FOLDER=str(folder / "disk"),
    ) as stack:
        yield Bounded(stack, url, folder / "disk")


@pytest.fixture
async def table(bounded: Bounded) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database of the house."""
    connection = await asyncpg.connect(bounded.database_url)
    yield connection
    await connection.close()


class _From:
    """A transport whose calls come from an address."""

    def __init__(self, transport: Transport, address: str) -> None:
        self._transport = transport
        self._address = address

    async def call(
        self, method: MethodDescriptor, request: Message, *, metadata: Metadata = ()
    ) -> Message:
        metadata = [*metadata, ("x-forwarded-for", self._address)]
        return await self._transport.call(method, request, metadata=metadata)

    async def close(self) -> None:
        """The transport is not this one's."""


class Network:
    """An IPv4 /24 that no other test calls from."""

    def __init__(self, transport: Transport) -> None:
        number = next(_numbers)
        self.prefix = f"10.{number // 256}.{number % 256}"
        self._transport = transport

    def client(self, host: int = 1) -> Client:
        """Somebody who calls from an address of the network."""
        return self.at(f"{self.prefix}.{host}")

    def at(self, address: str) -> Client:
        """Somebody who calls from any address."""
        return Client(channel_over(_From(self._transport, address)))


class World:
    """Networks, all of which call in one way."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def network(self) -> Network:
        """A new one."""
        return Network(self._transport)

    def client(self) -> Client:
        """Somebody from a network of their own."""
        return self.network().client()


@pytest.fixture(params=["grpc", "rest"])
async def world(bounded: Bounded, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each way to call."""
    url = bounded.stack.url
    transport: Transport = GrpcTransport(url) if request.param == "grpc" else RestTransport(url)
    yield World(transport)
    await transport.close()

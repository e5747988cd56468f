"""Stack with low limits, whose callers choose their addresses, over gRPC and over REST."""

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
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database.conftest import make_database
from tests.support.client import Client
from tests.support.stack import Stack, running_stack

NEW_USERS, SECRETS, MESSAGES_PER_NETWORK, INBOX_MESSAGES, STORAGE = 2, 5, 5, 4, 100 * 1024
_numbers = count(1)


@dataclass(frozen=True)
class LimitedStack:
    """Stack with low limits. Its disk is full while the folder `disk` exists."""

    stack: Stack
    database_url: str
    disk: Path


@pytest.fixture(scope="session")
def limited_stack(
    postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LimitedStack]:
    """Return a stack that trusts X-Forwarded-For, so that tests can call from any address."""
    url = asyncio.run(make_database(postgres, "limited"))
    folder = tmp_path_factory.mktemp("limited")
    with running_stack(
        folder / "stack",
        DATABASE_URL=url,
        TRUSTED_PROXIES="1",
        NEW_USERS_PER_ADDRESS=f"{NEW_USERS}/60s",
        WRONG_SECRETS_PER_ADDRESS=f"{SECRETS}/600s",
        INBOX_PER_NETWORK=f"{MESSAGES_PER_NETWORK}/600s",
        INBOX_MAX_MESSAGES=str(INBOX_MESSAGES),
        STORAGE_PER_NETWORK=str(STORAGE),
        MIN_FREE_DISK="100",
        DATABASE_FOLDER=str(folder / "disk"),
        # The folder of backups is watched as well, and always there.
        BACKUP_ENABLED="false",
    ) as stack:
        yield LimitedStack(stack, url, folder / "disk")


@pytest.fixture
async def connection(limited_stack: LimitedStack) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection to the database of the stack."""
    connection = await asyncpg.connect(limited_stack.database_url)
    yield connection
    await connection.close()


class _TransportFrom:
    """Transport whose calls come from one address."""

    def __init__(self, transport: Transport, address: str) -> None:
        self._transport = transport
        self._address = address

    async def call(
        self, method: MethodDescriptor, request: Message, *, metadata: Metadata = ()
    ) -> Message:
        metadata = [*metadata, ("x-forwarded-for", self._address)]
        return await self._transport.call(method, request, metadata=metadata)

    async def close(self) -> None:
        """Leave the shared transport open."""


class Network:
    """IPv4 /24 that no other test calls from."""

    def __init__(self, transport: Transport) -> None:
        number = next(_numbers)
        self.prefix = f"10.{number // 256}.{number % 256}"
        self._transport = transport

    def client(self, host: int = 1) -> Client:
        """Return a client that calls from an address of the network."""
        return self.at(f"{self.prefix}.{host}")

    def at(self, address: str) -> Client:
        """Return a client that calls from `address`."""
        return Client(channel_over(_TransportFrom(self._transport, address)))


class World:
    """Networks that call over one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def network(self) -> Network:
        """Return a new network."""
        return Network(self._transport)

    def client(self) -> Client:
        """Return a client in a network of its own."""
        return self.network().client()


@pytest.fixture(params=["grpc", "rest"])
async def world(
    limited_stack: LimitedStack, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """Return networks, over each transport."""
    url = limited_stack.stack.url
    transport: Transport = GrpcTransport(url) if request.param == "grpc" else RestTransport(url)
    yield World(transport)
    await transport.close()

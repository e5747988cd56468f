"""Fixtures of the tests of pushes."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from server.libraries.database.pool import Database
from server.services.push.due_pushes import DuePushRepository
from server.services.push.repository import EndpointRepository
from tests.programs.gateway.authority import Authority
from tests.services.push.device import Device
from tests.services.push.receiver import Receiver, receiving
from tests.services.push.rows import confirmed
from tests.support.client import many_users


@pytest.fixture
async def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """Yield a push service at localhost that clients of this process trust."""
    async with receiving(Authority(tmp_path)) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.authority))
        yield receiver


@pytest.fixture
def endpoints(pool: Database) -> EndpointRepository:
    """Return the store of endpoints."""
    return EndpointRepository(pool)


@pytest.fixture
def queue(pool: Database) -> DuePushRepository:
    """Return the queue of pushes."""
    return DuePushRepository(pool)


@pytest.fixture
async def user_id(connection: asyncpg.Connection) -> UUID:
    """Return a user."""
    [user_id] = await many_users(connection, 1)
    return user_id


@pytest.fixture
def device() -> Device:
    """Return a device of the user."""
    return Device("https://push.example/one")


@pytest.fixture
async def endpoint_id(
    connection: asyncpg.Connection,
    endpoints: EndpointRepository,
    user_id: UUID,
    device: Device,
) -> UUID:
    """Return a confirmed endpoint of the user."""
    return await confirmed(connection, endpoints, user_id, device)

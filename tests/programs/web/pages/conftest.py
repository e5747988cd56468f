"""The web process and an HTTP client of it."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.programs.web.client import Front
from tests.programs.web.conftest import serving


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    """The web process without workers, which no page needs."""
    async with serving("unix:/nowhere/worker.sock") as front:
        yield front


@pytest.fixture
async def web(front: Front) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that requests no compression by default."""
    transport = httpx2.AsyncHTTPTransport(uds=front.path, verify=False)
    headers = {"accept-encoding": "identity"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://web", headers=headers
    ) as client:
        yield client

"""The web process, asked by plain HTTP."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.programs.web.client import Front
from tests.programs.web.conftest import serving


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    """The web process. There are no workers: no page needs any."""
    async with serving("unix:/nowhere/worker.sock") as front:
        yield front


@pytest.fixture
async def web(front: Front) -> AsyncIterator[httpx2.AsyncClient]:
    """Asks it, and unpacks nothing unless it is told to."""
    transport = httpx2.AsyncHTTPTransport(uds=front.path, verify=False)
    headers = {"accept-encoding": "identity"}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://web", headers=headers
    ) as client:
        yield client

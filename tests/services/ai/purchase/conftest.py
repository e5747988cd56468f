"""Fixtures of the stores' tests."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import structlog
from structlog.testing import LogCapture

from server.services.credentials.guess_throttle import too_many_tokens

# The current time of all stores: 2026-06-01T00:00:00Z.
NOW = 1_780_272_000


@pytest.fixture
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client, which has a short timeout only in tests of servers that hang."""
    timeout = 0.2 if "hang" in request.node.name else 60
    async with httpx2.AsyncClient(timeout=timeout, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """Capture the log."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


class FakeLimit:
    """A limit of MAX_FAILURES for each address."""

    MAX_FAILURES = 30

    def __init__(self) -> None:
        self.failures: list[str] = []

    async def check(self, account: None, address: str) -> None:
        if self.failures.count(address) >= self.MAX_FAILURES:
            raise too_many_tokens(1)

    async def failed(self, account: None, address: str) -> None:
        self.failures.append(address)

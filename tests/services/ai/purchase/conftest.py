"""What the tests of the stores share."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import structlog
from structlog.testing import LogCapture

from server.services.credentials.guess_throttle import too_many_tokens

# When "now" is for all stores: 2026-06-01T00:00:00Z.
NOW = 1_780_272_000


@pytest.fixture
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that is impatient with servers that do not answer, and only with them."""
    timeout = 0.2 if "hang" in request.node.name else 60
    async with httpx2.AsyncClient(timeout=timeout, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What is logged."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


class FakeLimit:
    """Lets an address fail MOST times."""

    MOST = 30

    def __init__(self) -> None:
        self.failures: list[str] = []

    async def check(self, account: None, address: str) -> None:
        if self.failures.count(address) >= self.MOST:
            raise too_many_tokens(1)

    async def failed(self, account: None, address: str) -> None:
        self.failures.append(address)

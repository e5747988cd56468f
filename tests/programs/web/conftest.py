"""The real hubs with a scripted API."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from typing import Any

import pytest

from server.programs.web.connection_limits import Limits
from server.programs.web.main import web_server

from .client import Front
from .fake_api import FakeAi, fake_api

Serving = Callable[..., AbstractAsyncContextManager[Front]]

TODAY = date(2026, 2, 7)


@asynccontextmanager
async def serving(*workers: str, **limits: Any) -> AsyncIterator[Front]:
    """Serve the hubs; `limits` override the defaults."""
    with tempfile.TemporaryDirectory(prefix="web-") as folder:
        path = f"{folder}/web.sock"
        async with web_server(f"unix:{path}", workers, Limits(**limits), lambda: TODAY):
            yield Front(path)


@pytest.fixture
async def api() -> AsyncIterator[FakeAi]:
    """The scripted API."""
    async with fake_api() as ai:
        yield ai


@pytest.fixture
async def front(api: FakeAi) -> AsyncIterator[Front]:
    """The hubs with the default limits."""
    async with serving(api.address) as front:
        yield front

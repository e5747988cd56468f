"""The hubs, served for real, in front of an API that plays a script."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from typing import Any

import pytest

from server.programs.web.limits import Limits
from server.programs.web.main import web_server

from .client import Front
from .fake_api import FakeAi, fake_api

Serving = Callable[..., AbstractAsyncContextManager[Front]]

TODAY = date(2026, 2, 7)


@asynccontextmanager
async def serving(*workers: str, **limits: Any) -> AsyncIterator[Front]:
    """Serves the hubs; `limits` differ from the usual."""
    with tempfile.TemporaryDirectory(prefix="web-") as folder:
        path = f"{folder}/web.sock"
        async with web_server(f"unix:{path}", workers, Limits(**limits), lambda: TODAY):
            yield Front(path)


@pytest.fixture
async def api() -> AsyncIterator[FakeAi]:
    """The API."""
    async with fake_api() as ai:
        yield ai


@pytest.fixture
async def front(api: FakeAi) -> AsyncIterator[Front]:
    """The hubs as they are."""
    async with serving(api.address) as front:
        yield front

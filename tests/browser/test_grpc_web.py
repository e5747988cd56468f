"""A web app of another origin that calls the server over gRPC-Web."""

from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.support.stack import Stack

from .conftest import Watch

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def call(context: BrowserContext, watch: Watch, stack: Stack, web_app: str) -> Any:
    """A function that calls a function of the web app in the browser."""
    page = await context.new_page()
    await page.goto(web_app)

    async def called(function: str, *arguments: Any) -> Any:
        return await page.evaluate(
            "([name, ...its]) => globalThis[name](...its)", [function, stack.url, *arguments]
        )

    return called


async def test_call_returns_response(call: Any, watch: Watch, stack: Stack, web_app: str) -> None:
    assert await call("health") == "ok"
    user = await call("user")
    assert user["created"] == user["found"] != ""
    assert watch.complaints == []
    assert watch.elsewhere(stack.url, web_app) == []
    assert f"{stack.url}/gymlocker.v2.UserService/GetUser" in watch.requests


async def test_server_stream_returns_file(call: Any, watch: Watch) -> None:
    types = ["Running", "Squats", "Über-Yoga 💪"]
    exported = await call("exported", f"web-{uuid4().hex}", types)
    assert sorted(exported) == types
    assert watch.complaints == []


async def test_error_has_details(call: Any) -> None:
    failure = await call("refused")
    assert failure["code"] == "InvalidArgument"
    assert failure["fields"] == ["password"]
    assert failure["reasons"] == ["INVALID_REQUEST"]
    assert "password" in failure["message"]

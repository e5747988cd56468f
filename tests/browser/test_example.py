"""The page of the TypeScript example, which also runs under Node."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.examples.built import STEPS, built, commands
from tests.examples.falsifying_proxy import GET_EVENTS, falsified
from tests.support.stack import Stack
from tests.support.tools import require

from .conftest import Watch
from .web_app import served

# The first build downloads the packages of the lock file.
pytestmark = [
    pytest.mark.extended,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

# The prefix of a gRPC-Web message: a flag and the length.
PREFIX_BYTES = 5


@pytest_asyncio.fixture(loop_scope="session")
async def origin() -> AsyncIterator[str]:
    """The origin of the page, served as by `npm run page`."""
    require("chromium", "node", "npm")
    build, _ = commands("TypeScript")
    with served(built("typescript", build) / "examples" / "typescript") as url:
        yield url


async def opened(context: BrowserContext, origin: str, server: str) -> Page:
    """Open the page, which starts by itself."""
    page = await context.new_page()
    await page.goto(f"{origin}/index.html?server={server}")
    return page


async def test_completes_every_step(
    context: BrowserContext, watch: Watch, origin: str, stack: Stack
) -> None:
    page = await opened(context, origin, stack.url)
    await expect(page.get_by_role("status")).to_have_text("All steps succeeded.")
    await expect(page.get_by_role("listitem")).to_have_text(STEPS.splitlines())
    assert watch.complaints == []
    assert watch.elsewhere(origin, stack.url) == []
    assert f"{stack.url}{GET_EVENTS}" in watch.requests


async def test_detects_changed_event(context: BrowserContext, origin: str, stack: Stack) -> None:
    async def falsify(route: Route) -> None:
        response = await route.fetch()
        body = await response.body()
        end = PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES])
        altered = body[:PREFIX_BYTES] + falsified(body[PREFIX_BYTES:end]) + body[end:]
        await route.fulfill(response=response, body=altered)

    await context.route(f"**{GET_EVENTS}", falsify)
    page = await opened(context, origin, stack.url)
    await expect(page.get_by_role("status")).to_contain_text(
        "unexpected result: the server changed the encrypted bytes"
    )
    await expect(page.get_by_role("list")).not_to_contain_text("Bob read it")


async def test_reports_unreachable_server(context: BrowserContext, origin: str) -> None:
    page = await opened(context, origin, "http://127.0.0.1:1")
    await expect(page.get_by_role("status")).to_contain_text("fetch")
    await expect(page.get_by_role("listitem")).to_have_count(0)

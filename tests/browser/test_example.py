"""The page of the example in TypeScript: it does in a browser what it does under Node."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.examples.built import STEPS, built, commands
from tests.examples.liar import GET_EVENTS, changed
from tests.support.stack import Stack
from tests.support.tools import require

from .conftest import Watch
from .web_app import served

# Building for the first time fetches what the lock file names.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

# Of gRPC-Web: a flag, and how long the message is that follows.
PREFIX_BYTES = 5


@pytest_asyncio.fixture(loop_scope="session")
async def origin() -> AsyncIterator[str]:
    """Where the page is, as `npm run page` serves it."""
    require("chromium", "node", "npm")
    build, _ = commands("TypeScript")
    with served(built("typescript", build) / "examples" / "typescript") as url:
        yield url


async def opened(context: BrowserContext, origin: str, server: str) -> Page:
    """The page, which begins by itself."""
    page = await context.new_page()
    await page.goto(f"{origin}/index.html?server={server}")
    return page


async def test_it_takes_every_step(
    context: BrowserContext, watch: Watch, origin: str, stack: Stack
) -> None:
    page = await opened(context, origin, stack.url)
    await expect(page.get_by_role("status")).to_have_text("All is as it should be.")
    await expect(page.get_by_role("listitem")).to_have_text(STEPS.splitlines())
    assert watch.complaints == []
    assert watch.elsewhere(origin, stack.url) == []
    assert f"{stack.url}{GET_EVENTS}" in watch.requests


async def test_it_notices_a_changed_event(
    context: BrowserContext, origin: str, stack: Stack
) -> None:
    async def lie(route: Route) -> None:
        reply = await route.fetch()
        body = await reply.body()
        end = PREFIX_BYTES + int.from_bytes(body[1:PREFIX_BYTES])
        lied = body[:PREFIX_BYTES] + changed(body[PREFIX_BYTES:end]) + body[end:]
        await route.fulfill(response=reply, body=lied)

    await context.route(f"**{GET_EVENTS}", lie)
    page = await opened(context, origin, stack.url)
    await expect(page.get_by_role("status")).to_contain_text(
        "that is not right: the server changed the encrypted bytes"
    )
    await expect(page.get_by_role("list")).not_to_contain_text("Bob read it")


async def test_it_says_that_nobody_is_there(context: BrowserContext, origin: str) -> None:
    page = await opened(context, origin, "http://127.0.0.1:1")
    await expect(page.get_by_role("status")).to_contain_text("fetch")
    await expect(page.get_by_role("listitem")).to_have_count(0)

"""The page of the TypeScript example, which also runs under Node."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Route, expect

from server.programs.demo.person import Person, Phone, new_event_id
from server.programs.demo.transport import GrpcTransport
from tests.examples.built import STEPS, built, commands
from tests.examples.falsifying_proxy import GET_EVENTS, falsified
from tests.faults.cutting_proxy import CuttingProxy
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


async def test_watches_through_a_cut_and_a_reload(
    context: BrowserContext, origin: str, stack: Stack
) -> None:
    transport, proxy = GrpcTransport(stack.url), CuttingProxy(stack.port)
    ada = await Person.create("Ada", Phone(transport))
    await ada.grant("secret")
    ids = [new_event_id() for _ in range(4)]
    await ada.publish(ids[0], b"1")
    async with proxy.running() as url:
        page = await context.new_page()
        printed: list[str] = []
        page.on("console", lambda entry: printed.append(entry.text))
        address = f"{origin}/watch.html?server={url}&user={ada.user_id}&secret=secret"
        await page.goto(address)
        items, status = page.get_by_role("listitem"), page.get_by_role("status")
        await expect(items).to_have_text(ids[:1])
        await ada.publish(ids[1], b"2")
        await expect(items).to_have_text(ids[:2])
        # The connection breaks in the middle of what comes next.
        proxy.budget = 40
        await ada.publish(ids[2], b"3")
        await expect(status).to_contain_text("reconnecting: ")
        proxy.budget = None
        await expect(items).to_have_text(ids[:3])
        await ada.retract(ids[0])
        await expect(items).to_have_text(ids[1:3])
        # A page that is opened again continues at the cursor in its storage.
        await page.goto("about:blank")
        await ada.publish(ids[3], b"4")
        printed.clear()
        await page.goto(address)
        await expect(items).to_have_text(ids[1:])
        assert [line.split(":")[0] for line in printed if "event" in line] == [f"event {ids[3]}"]
        await ada.revoke("secret")
        await expect(status).to_have_text("ended: NOTHING_TO_WATCH")
        await expect(items).to_have_count(0)
    assert proxy.cuts >= 1
    await ada.delete_account()
    await transport.close()

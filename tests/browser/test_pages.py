"""The pages on a desktop, on a small phone and by keyboard."""

from typing import Literal

import pytest
from playwright.async_api import BrowserContext, Page, Route, ViewportSize, expect

from tests.support.stack import Stack

from .conftest import Watch

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]

# An element that appears once the page is complete.
READY = {
    "/": "#health[data-state=healthy]",
    "/docs": ".opblock",
    "/redoc": "h1",
}
NARROW: ViewportSize = {"width": 320, "height": 640}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FOCUSABLE = "a[href], button"


async def opened(context: BrowserContext, stack: Stack, path: str) -> Page:
    """Open a page and wait until it is complete."""
    page = await context.new_page()
    await page.goto(stack.url + path)
    await page.locator(READY[path]).first.wait_for()
    return page


@pytest.mark.parametrize("path", READY)
async def test_page_loads_nothing_else_without_errors(
    context: BrowserContext, watch: Watch, stack: Stack, path: str
) -> None:
    page = await opened(context, stack, path)
    await page.wait_for_load_state("networkidle")
    assert watch.requests[0] == stack.url + path
    assert watch.elsewhere(stack.url) == []
    assert watch.complaints == []
    await page.set_viewport_size(NARROW)
    assert await page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


async def test_watch_reports_policy_violations(
    context: BrowserContext, watch: Watch, stack: Stack
) -> None:
    page = await opened(context, stack, "/")
    await page.evaluate("fetch('http://127.0.0.2:9/').catch(() => {})")
    await page.evaluate("document.body.setAttribute('style', 'color: red')")
    assert watch.complaints
    assert any("connect-src" in complaint for complaint in watch.complaints)
    assert any("style-src" in complaint for complaint in watch.complaints)


async def test_keyboard_reaches_all_of_landing_page(context: BrowserContext, stack: Stack) -> None:
    page = await opened(context, stack, "/")
    count = await page.locator(FOCUSABLE).count()
    assert count >= 8
    reached = []
    for _ in range(count):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate(FOCUSED, FOCUSABLE))
    assert [focus["number"] for focus in reached] == list(range(count))
    assert all(focus["outline"] == "solid" and focus["inside"] for focus in reached)


FOCUSED = """(focusable) => {
  const place = document.activeElement.getBoundingClientRect();
  return {
    number: [...document.querySelectorAll(focusable)].indexOf(document.activeElement),
    outline: getComputedStyle(document.activeElement).outlineStyle,
    inside: place.left >= 0 && place.top >= 0 && place.bottom <= innerHeight,
  };
}"""


async def test_text_has_sufficient_contrast(context: BrowserContext, stack: Stack) -> None:
    page = await opened(context, stack, "/")
    grounds = set()
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
        contrasts = await page.evaluate(CONTRASTS)
        assert len(contrasts) > 50
        # WCAG 2, level AA.
        assert [words for words, contrast in contrasts if contrast < 4.5] == []
    assert len(grounds) == len(SCHEMES)


# The contrast of each text with its nearest background.
CONTRASTS = """() => {
  const parts = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => parts(color).slice(0, 3)
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return parts(color)[3] === 0 ? ground(element.parentElement) : color;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const words = texts.currentNode.textContent.trim();
    if (!words) continue;
    const element = texts.currentNode.parentElement;
    const [low, high] = [light(getComputedStyle(element).color), light(ground(element))]
      .sort((one, other) => one - other);
    found.push([words, (high + 0.05) / (low + 0.05)]);
  }
  return found;
}"""


async def test_commands_name_this_server_and_can_be_copied(
    context: BrowserContext, stack: Stack
) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await opened(context, stack, "/")
    commands = [
        f"curl -X POST {stack.url}/user/create",
        f"grpcurl -plaintext {stack.address} list",
        f"uv run gymlocker demo --url {stack.url}",
    ]
    await expect(page.locator("pre")).to_have_text(commands)
    for number, command in enumerate(commands):
        button = page.locator(".line").nth(number).get_by_role("button")
        await button.click()
        await expect(button).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == command


async def test_unhealthy_server_is_shown(context: BrowserContext, stack: Stack) -> None:
    async def unavailable(route: Route) -> None:
        await route.fulfill(status=503, json={"code": 14})

    page = await opened(context, stack, "/")
    health = page.get_by_role("status")
    await expect(health).to_have_text("Up and healthy")
    await page.route("**/health", unavailable)
    await page.evaluate("showHealth()")
    await expect(health).to_have_text("Not responding")


async def test_redoc_shows_each_operation_once(
    context: BrowserContext, stack: Stack, operations: list[tuple[str, str]]
) -> None:
    page = await opened(context, stack, "/redoc")
    headings = page.locator("[data-section-id*='operation/'] h2")
    await expect(headings).to_have_count(len(operations))
    await page.get_by_placeholder("Search").fill("streaks")
    await expect(page.locator("[data-role='search:results']")).to_contain_text("orkout")


async def test_page_reports_missing_document(context: BrowserContext, stack: Stack) -> None:
    page = await context.new_page()
    await page.route("**/openapi.json", lambda route: route.abort())
    await page.goto(stack.url + "/docs")
    await expect(page.get_by_role("alert")).to_contain_text("Could not load the API description")

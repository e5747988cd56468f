"""A browser, and a record of the requests and errors of its pages."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from server.libraries.common.paths import OPENAPI
from tests.support.npm import installed
from tests.support.tools import require

from .web_app import HERE, built, served

# Generous, for a busy machine.
TIMEOUT_MS = 20_000
expect.set_options(timeout=TIMEOUT_MS)

REPORT_VIOLATIONS = """addEventListener("securitypolicyviolation", (violation) =>
  console.error("forbidden:", violation.violatedDirective, violation.blockedURI))"""


@dataclass
class Watch:
    """The requests, errors and warnings of all pages of a context."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def over(self, context: BrowserContext) -> "Watch":
        """Start recording."""
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda entry: self._on_console(entry.type, entry.text))
        await context.add_init_script(REPORT_VIOLATIONS)
        return self

    def _on_console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def elsewhere(self, *origins: str) -> list[str]:
        """Return the requested URLs outside of `origins`."""
        ours = ("data:", *origins, *(f"blob:{origin}" for origin in origins))
        return [url for url in self.requests if not url.startswith(ours)]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, started once in an event loop that these tests share."""
    require("chromium")
    # Chromium does not support its sandbox as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh browser context."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def watch(context: BrowserContext) -> Watch:
    """A record of the `context`."""
    return await Watch().over(context)


@pytest.fixture(scope="session")
def web_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the web app of client.ts."""
    require("chromium", "node", "npm")
    modules = installed(HERE, "browser")
    with served(built(modules, tmp_path_factory.mktemp("web-app"))) as url:
        yield url


@pytest.fixture(scope="session")
def operations() -> list[tuple[str, str]]:
    """The verb and path of each operation in the document, without aliases."""
    paths = json.loads(OPENAPI.read_text())["paths"]
    found = [
        (verb.upper(), path)
        for path, item in paths.items()
        for verb, operation in item.items()
        if "x-alias-of" not in operation
    ]
    assert 20 < len(found) < sum(map(len, paths.values()))
    return found

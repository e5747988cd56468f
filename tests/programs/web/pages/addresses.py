"""Extraction of links from the pages."""

import re
from html.parser import HTMLParser

import httpx2

PAGES = ["/", "/docs", "/redoc"]
DOCUMENT = "/openapi.json"


class Names(HTMLParser):
    """A parser that collects links and inline code."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [given[name] or "" for name in ("href", "src") if name in given]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


def names(html: str) -> Names:
    """Return the links and inline code of a page."""
    found = Names()
    found.feed(html)
    return found


async def assets(client: httpx2.AsyncClient) -> set[str]:
    """Return the paths of all assets of the pages."""
    return {
        f"/{address}"
        for page in PAGES
        for address in names((await client.get(page)).text).addresses
        if re.match(r"docs/static/", address)
    }

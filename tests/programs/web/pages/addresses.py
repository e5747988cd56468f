"""What the pages name: found in them, as a browser would."""

import re
from html.parser import HTMLParser

import httpx2

PAGES = ["/", "/docs", "/redoc"]
DOCUMENT = "/openapi.json"


class Names(HTMLParser):
    """The addresses in a page, and what in it is neither text nor markup."""

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
    """What a page names."""
    found = Names()
    found.feed(html)
    return found


async def assets(client: httpx2.AsyncClient) -> set[str]:
    """The paths of all files that pages are made of."""
    return {
        f"/{address}"
        for page in PAGES
        for address in names((await client.get(page)).text).addresses
        if re.match(r"docs/static/", address)
    }

"""Which file is where. What is not listed here is not there."""

import re
from importlib.metadata import version
from pathlib import Path

from starlette.routing import BaseRoute, Route

from server.errors import StartError
from server.libraries.common.paths import OPENAPI
from server.programs.web.pages.file import File
from server.programs.web.pages.headers import ASSET, DOCUMENT, PAGE, REDOC_PAGE, Headers

HERE = Path(__file__).parent
PAGES: dict[str, tuple[str, Headers]] = {
    "/": ("landing.html", PAGE),
    "/docs": ("docs.html", PAGE),
    "/redoc": ("redoc.html", REDOC_PAGE),
}
ASSETS = "docs/static"
# In a page: the address of a file beside it, or the version of this server.
BLANK = re.compile(r"\{\{(.+?)\}\}")


def page_routes(openapi: Path = OPENAPI) -> list[BaseRoute]:
    """All pages and what they are made of. Raises StartError if there is no document `openapi`."""
    if not openapi.is_file():
        raise StartError(f"There is no {openapi}; run: uv run python scripts/generate.py")
    assets = {f"{ASSETS}/{_name(file)}": file for file in _assets()}
    blanks = {file.name: path for path, file in assets.items()} | {"version": version("gymlocker")}
    served = {f"/{path}": file for path, file in assets.items()}
    served |= {path: _page(name, headers, blanks) for path, (name, headers) in PAGES.items()}
    served["/openapi.json"] = File(openapi.name, openapi.read_bytes(), DOCUMENT)
    return [Route(path, file.respond) for path, file in served.items()]


def _assets() -> list[File]:
    return [
        File(path.name, path.read_bytes(), ASSET)
        for folder in ("static", "vendor")
        for path in sorted((HERE / folder).iterdir())
        if path.suffix != ".html"
    ]


def _name(file: File) -> str:
    """An asset's name, with its digest in it: what is new has a new address."""
    stem, dot, suffix = file.name.rpartition(".")
    return f"{stem}-{file.digest}{dot}{suffix}"


def _page(name: str, headers: Headers, blanks: dict[str, str]) -> File:
    """A page with its blanks filled in."""
    text = (HERE / "static" / name).read_text(encoding="utf-8")
    return File(name, BLANK.sub(lambda blank: blanks[blank[1]], text).encode(), headers)

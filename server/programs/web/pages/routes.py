"""The routes of all pages and files."""

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
# A placeholder in a page: the name of an asset, or `version`.
PLACEHOLDER = re.compile(r"\{\{(.+?)\}\}")


def page_routes(openapi: Path = OPENAPI) -> list[BaseRoute]:
    """Return the routes of all pages and assets. Raises StartError if `openapi` is missing."""
    if not openapi.is_file():
        raise StartError(f"There is no {openapi}; run: uv run python scripts/generate.py")
    assets = {f"{ASSETS}/{_name(file)}": file for file in _assets()}
    values = {file.name: path for path, file in assets.items()} | {"version": version("gymlocker")}
    served = {f"/{path}": file for path, file in assets.items()}
    served |= {path: _page(name, headers, values) for path, (name, headers) in PAGES.items()}
    served["/openapi.json"] = File(openapi.name, openapi, DOCUMENT)
    return [Route(path, file.respond) for path, file in served.items()]


def _assets() -> list[File]:
    return [
        File(path.name, path, ASSET)
        for folder in ("static", "vendor")
        for path in sorted((HERE / folder).iterdir())
        if path.suffix != ".html"
    ]


def _name(file: File) -> str:
    """Return an asset's name with its digest: changed content gets a new path."""
    stem, dot, suffix = file.name.rpartition(".")
    return f"{stem}-{file.digest}{dot}{suffix}"


def _page(name: str, headers: Headers, values: dict[str, str]) -> File:
    """Return a page with its placeholders replaced."""
    text = (HERE / "static" / name).read_text(encoding="utf-8")
    page = PLACEHOLDER.sub(lambda placeholder: values[placeholder[1]], text)
    return File(name, page.encode(), headers)

"""The pages behind Envoy."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.programs.web.client import Front
from tests.programs.web.front_door import front_door

from .addresses import DOCUMENT, PAGES, assets

ORIGIN = {"origin": "https://app.example"}


@pytest.fixture
async def door(front: Front) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of Envoy in front of the web process."""
    async with (
        front_door(front.path) as running,
        httpx2.AsyncClient(base_url=running.url, verify=False) as client,
    ):
        yield client


async def test_passes_everything_unchanged(
    door: httpx2.AsyncClient, web: httpx2.AsyncClient
) -> None:
    packed = {"accept-encoding": "gzip"}
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        here, there = await web.get(path, headers=packed), await door.get(path, headers=packed)
        assert (there.status_code, there.content) == (200, here.content)
        vary = [got.headers.get_list("vary", split_commas=True) for got in (here, there)]
        assert vary[1] == [*vary[0], "origin"]
        there.headers["vary"] = here.headers.get("vary", "")
        assert set(here.headers.items()) <= set(there.headers.items())
        # A client would parse a body as the next response.
        head = await door.head(f"{path}?query=1", headers=packed)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == there.headers["content-length"]
        etag = {"if-none-match": there.headers["etag"], **packed}
        assert (await door.get(path, headers=etag)).status_code == 304


async def test_other_origins_may_read_only_document(door: httpx2.AsyncClient) -> None:
    response = await door.get(DOCUMENT, headers=ORIGIN)
    assert response.headers.get_list("access-control-allow-origin") == ["*"]
    for page in PAGES:
        assert "access-control-allow-origin" not in (await door.get(page, headers=ORIGIN)).headers


async def test_content_type_does_not_make_page_an_api_call(door: httpx2.AsyncClient) -> None:
    for kind in ("application/grpc", "application/grpc-web+proto", "application/json"):
        response = await door.get("/docs", headers={"content-type": kind})
        assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_other_paths_are_404(door: httpx2.AsyncClient) -> None:
    for path in ("/docs/", "/docs/static/", "/docs/static/a/b", "/openapi_json", "/redoc/x"):
        response = await door.get(path)
        assert (response.status_code, response.json()["code"]) == (404, 5), path


async def test_other_methods_are_405(door: httpx2.AsyncClient, web: httpx2.AsyncClient) -> None:
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        for verb in ("POST", "DELETE", "OPTIONS"):
            response = await door.request(verb, path)
            assert response.status_code == (204 if verb == "OPTIONS" else 405), path
            assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_pages_are_404_without_web_process() -> None:
    async with (
        front_door(None) as running,
        httpx2.AsyncClient(base_url=running.url, verify=False) as client,
    ):
        for path in [*PAGES, DOCUMENT, "/docs/static/docs.js"]:
            response = await client.get(path)
            assert (response.status_code, response.json()["code"]) == (404, 5)

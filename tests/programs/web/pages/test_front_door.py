"""The pages behind Envoy, as the world sees them."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.programs.web.client import Front
from tests.programs.web.front_door import front_door

from .addresses import DOCUMENT, PAGES, assets

ORIGIN = {"origin": "https://app.example"}


@pytest.fixture
async def door(front: Front) -> AsyncIterator[httpx2.AsyncClient]:
    """Asks Envoy in front of the web process."""
    async with (
        front_door(front.path) as running,
        httpx2.AsyncClient(base_url=running.url, verify=False) as client,
    ):
        yield client


async def test_everything_passes_as_it_is(
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
        # A body would be taken for the start of the next reply.
        head = await door.head(f"{path}?query=1", headers=packed)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == there.headers["content-length"]
        etag = {"if-none-match": there.headers["etag"], **packed}
        assert (await door.get(path, headers=etag)).status_code == 304


async def test_other_origins_may_read_the_document_alone(door: httpx2.AsyncClient) -> None:
    reply = await door.get(DOCUMENT, headers=ORIGIN)
    assert reply.headers.get_list("access-control-allow-origin") == ["*"]
    for page in PAGES:
        assert "access-control-allow-origin" not in (await door.get(page, headers=ORIGIN)).headers


async def test_a_caller_cannot_make_it_a_call(door: httpx2.AsyncClient) -> None:
    for kind in ("application/grpc", "application/grpc-web+proto", "application/json"):
        reply = await door.get("/docs", headers={"content-type": kind})
        assert reply.headers["content-type"] == "text/html; charset=utf-8"


async def test_nothing_else_is_let_through(door: httpx2.AsyncClient) -> None:
    for path in ("/docs/", "/docs/static/", "/docs/static/a/b", "/openapi_json", "/redoc/x"):
        reply = await door.get(path)
        assert (reply.status_code, reply.json()["code"]) == (404, 5), path


async def test_a_page_is_only_read(door: httpx2.AsyncClient, web: httpx2.AsyncClient) -> None:
    for path in [*PAGES, DOCUMENT, *await assets(web)]:
        for verb in ("POST", "DELETE", "OPTIONS"):
            reply = await door.request(verb, path)
            assert reply.status_code == (204 if verb == "OPTIONS" else 405), path
            assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_without_a_web_process_there_are_no_pages() -> None:
    async with (
        front_door(None) as running,
        httpx2.AsyncClient(base_url=running.url, verify=False) as client,
    ):
        for path in [*PAGES, DOCUMENT, "/docs/static/docs.js"]:
            reply = await client.get(path)
            assert (reply.status_code, reply.json()["code"]) == (404, 5)

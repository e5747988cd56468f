"""Large headers: gRPC counts more bytes than Envoy, but must accept whatever Envoy accepts."""

import httpx2

from tests.support.client import SOME_UUID
from tests.support.rest import error_of

HEADERS = {f"header-{number}": "a" * 330 for number in range(85)}


async def test_accepts_30_kilobytes_of_headers_every_time(rest: httpx2.AsyncClient) -> None:
    for _ in range(10):
        error_of(await rest.get(f"/user/{SOME_UUID}", headers=HEADERS), 404)


async def test_accepts_a_long_path_every_time(rest: httpx2.AsyncClient) -> None:
    for _ in range(10):
        error_of(await rest.get(f"/user/{SOME_UUID}?a={'a' * 30_000}"), 404)

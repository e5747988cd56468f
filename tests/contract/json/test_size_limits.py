"""Limits of nesting, numbers, bodies, paths and headers."""

import asyncio
import json
from contextlib import suppress

import httpx2
import pytest

from tests.contract.json.mutations import assert_handled, every_body, every_request, send_raw
from tests.support.rest import GET_USERS, Endpoint, error_of
from tests.support.stack import Stack

pytestmark = pytest.mark.extended


@every_body
async def test_deep_nesting_is_400(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for deep in (b'{"x":' * 5_000 + b"1" + b"}" * 5_000, b'{"x":' + b"[" * 100_000):
        error_of(await send_raw(rest, endpoint, deep), 400)


@every_body
async def test_huge_numbers_are_never_5xx(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    name = next(iter(endpoint.body or {}), "x")
    for number in (b"1e999999", b"-1e999999", b"9" * 1000, b"1e-999999", b"0." + b"1" * 1000):
        assert_handled(await send_raw(rest, endpoint, b'{"%s": %s}' % (name.encode(), number)))


@every_request
async def test_duplicate_key_is_never_5xx(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    text = json.dumps(endpoint.body)
    assert_handled(await send_raw(rest, endpoint, f"{text[:-1]}, {text[1:]}".encode()))


async def test_oversized_body_is_413(rest: httpx2.AsyncClient) -> None:
    body = b'{"ids": ["' + b"x" * 5_000_000 + b'"]}'
    error = error_of(await send_raw(rest, GET_USERS, body), 413)
    assert error["details"][0]["reason"] == "REQUEST_TOO_LARGE"


async def test_body_of_100_mb_is_413_before_it_is_sent(stack: Stack) -> None:
    host, _, port = stack.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def speak() -> None:
        writer.write(b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(100):
                writer.write(b" " * 1_000_000)
                await writer.drain()

    speaking = asyncio.create_task(speak())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    speaking.cancel()
    # Discard what is still unsent.
    writer.transport.abort()
    with suppress(ConnectionError, asyncio.CancelledError):
        await speaking
    with suppress(ConnectionError):
        await writer.wait_closed()
    assert head.startswith("http/1.1 413 ")
    assert "\r\ncontent-type: application/json\r\n" in head


async def test_path_of_20_000_characters_is_never_5xx(rest: httpx2.AsyncClient) -> None:
    for path in ("/user/", "/shareditem/", "/health?"):
        response = await rest.get(path + "x" * 20_000)
        assert response.status_code in {200, 400, 414, 431}, response.text
        if response.status_code != 200:
            error_of(response, response.status_code)


async def test_headers_beyond_limit_are_431(rest: httpx2.AsyncClient) -> None:
    response = await rest.get("/health", headers={"x-large": "x" * 20_000})
    assert (response.status_code, response.text) == (200, '{"status":"ok"}')
    error_of(await rest.get("/health", headers={"x-large": "x" * 100_000}), 431)

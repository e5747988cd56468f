"""Requests with invalid parts, and a check of their responses."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.rest import CREATE_USER, WITH_BODY, Endpoint, Json, error_of

JSON_TYPE = {"content-type": "application/json"}
# CreateUser has no fields.
WITH_FIELDS = [endpoint for endpoint in WITH_BODY if endpoint is not CREATE_USER]
every_body = pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
every_request = pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)


async def send(rest: httpx2.AsyncClient, endpoint: Endpoint, body: Json) -> httpx2.Response:
    """Send `body` as JSON; lone surrogates are sent as escapes."""
    return await send_raw(rest, endpoint, json.dumps(body).encode())


async def send_raw(rest: httpx2.AsyncClient, endpoint: Endpoint, body: bytes) -> httpx2.Response:
    """Send the bytes of `body`."""
    return await rest.request(endpoint.verb, endpoint.path, content=body, headers=JSON_TYPE)


def assert_handled(response: httpx2.Response) -> None:
    """Assert that the response is a success or a client error, as JSON."""
    if response.status_code != 200:
        assert response.status_code in {400, 401, 404, 413}, response.text
        error_of(response, response.status_code)
    elif response.headers["content-type"] == "text/event-stream":
        # A stream of nothing ends by itself.
        messages = [json.loads(line[6:]) for line in response.text.splitlines() if line]
        assert list(messages[-1]) == ["ended"]
    else:
        assert response.headers["content-type"] == "application/json"
        assert isinstance(response.json(), dict)


def places(body: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside `body`."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def replaced(body: Json, path: tuple[Any, ...], value: Json) -> Json:
    """Return a copy of `body` with `value` at `path`."""
    copy = json.loads(json.dumps(body))
    *parents, last = path
    inside = copy
    for key in parents:
        inside = inside[key]
    inside[last] = value
    return copy

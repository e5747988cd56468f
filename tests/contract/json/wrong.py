"""Requests with something wrong in them, and the form in which they have to be answered."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.rest import CREATE_USER, WITH_BODY, Endpoint, Json, error_of

JSON_TYPE = {"content-type": "application/json"}
# CreateUser has no field that could be wrong.
WITH_FIELDS = [endpoint for endpoint in WITH_BODY if endpoint is not CREATE_USER]
every_body = pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
every_request = pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)


async def sent(rest: httpx2.AsyncClient, endpoint: Endpoint, body: Json) -> httpx2.Response:
    """Sends `body`, of which also what is no Unicode survives as an escape."""
    return await raw(rest, endpoint, json.dumps(body).encode())


async def raw(rest: httpx2.AsyncClient, endpoint: Endpoint, body: bytes) -> httpx2.Response:
    """Sends the bytes of `body`."""
    return await rest.request(endpoint.verb, endpoint.path, content=body, headers=JSON_TYPE)


def answered_in_form(response: httpx2.Response) -> None:
    """That it is a reply of ours or an error of the caller's, either as JSON."""
    if response.status_code != 200:
        assert response.status_code in {400, 401, 404, 413}, response.text
        error_of(response, response.status_code)
    else:
        assert response.headers["content-type"] == "application/json"
        assert isinstance(response.json(), dict)


def places(body: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside `body`."""
    for key, value in body.items() if isinstance(body, dict) else enumerate(body):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def replaced(body: Json, path: tuple[Any, ...], value: Json) -> Json:
    """A copy of `body` with `value` at `path`."""
    copy = json.loads(json.dumps(body))
    *parents, last = path
    inside = copy
    for key in parents:
        inside = inside[key]
    inside[last] = value
    return copy

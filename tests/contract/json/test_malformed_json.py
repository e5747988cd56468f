"""Bodies that are no JSON object, and any JSON and any bytes there are: never a 5xx."""

import json

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.json.wrong import (
    WITH_FIELDS,
    answered_in_form,
    every_body,
    every_request,
    raw,
    sent,
)
from tests.support.client import SOME_UUID
from tests.support.rest import WITH_BODY, Endpoint, error_of

NO_OBJECTS = [
    b"[]",
    b"[{}]",
    b"5",
    b'"text"',
    b"null",
    b"true",
    b"{",
    b"}",
    b'{"id"',
    b'{"id":}',
    b'{"id": "x"',
    b'{"id": "x",, }',
    b'{"id": "x"} {}',
    b'{"id": "x"}]',
    b'{"id": nul}',
    b'{"id": NaN}',
    b'{"id": 0x10}',
    b'{"id": "\xff\xfe"}',
    b'{"id": "\\u12"}',
    b"\x00",
    b"\xff",
    b" ",
    b"<id>x</id>",
    b"id=x&password=y",
]


@every_body
async def test_what_is_no_json_object_is_400(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for body in NO_OBJECTS:
        error = error_of(await raw(rest, endpoint, body), 400)
        assert error["code"] == 3, body


@every_request
@pytest.mark.parametrize("body", [b"", b"{}"], ids=["nothing", "{}"])
async def test_an_empty_request_is_400_and_says_what_is_missing(
    rest: httpx2.AsyncClient, endpoint: Endpoint, body: bytes
) -> None:
    error = error_of(await raw(rest, endpoint, body), 400)
    assert error["details"][0]["reason"] == "INVALID_REQUEST"
    assert error["details"][1]["fieldViolations"]


# --- Anything ---


NAMES = sorted({name for endpoint in WITH_BODY for name in endpoint.body or {}} | {"value", "iv"})
ANY_NAME = st.sampled_from(NAMES) | st.text(max_size=5)
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None), max_size=50)
    | st.sampled_from([SOME_UUID, "AAAA", "2999-01-01T00:00:00Z", "secret", "\0", "\ud800"])
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_NAME, inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("endpoint", WITH_FIELDS, ids=str)
@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
async def test_whatever_json_is_sent_is_answered_in_form(
    rest: httpx2.AsyncClient, endpoint: Endpoint, data: st.DataObject
) -> None:
    body = endpoint.body or {}
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(body)), VALUES, max_size=3))
    added = data.draw(st.dictionaries(ANY_NAME, VALUES, max_size=2))
    answered_in_form(await sent(rest, endpoint, {**added, **body, **changed}))


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(noise=st.binary(min_size=1, max_size=40), place=st.floats(0, 1))
async def test_whatever_bytes_are_sent_are_answered_in_form(
    rest: httpx2.AsyncClient, endpoint: Endpoint, noise: bytes, place: float
) -> None:
    body = json.dumps(endpoint.body).encode()
    cut = int(place * len(body))
    # In the middle of the body, and nothing behind it: no accident makes a whole request of it.
    answered_in_form(await raw(rest, endpoint, body[:cut] + noise))

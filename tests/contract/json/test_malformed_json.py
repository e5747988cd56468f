"""Bodies other than JSON objects, random JSON and random bytes: never 5xx."""

import json

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.json.mutations import (
    WITH_FIELDS,
    assert_handled,
    every_body,
    every_request,
    send,
    send_raw,
)
from tests.support.client import SOME_UUID
from tests.support.rest import WITH_BODY, Endpoint, error_of

pytestmark = pytest.mark.extended

OTHER_BODIES = [
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
async def test_anything_but_json_object_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint
) -> None:
    for body in OTHER_BODIES:
        error = error_of(await send_raw(rest, endpoint, body), 400)
        assert error["code"] == 3, body


@every_request
@pytest.mark.parametrize("body", [b"", b"{}"], ids=["nothing", "{}"])
async def test_empty_request_is_400_and_names_missing_fields(
    rest: httpx2.AsyncClient, endpoint: Endpoint, body: bytes
) -> None:
    error = error_of(await send_raw(rest, endpoint, body), 400)
    assert error["details"][0]["reason"] == "INVALID_REQUEST"
    assert error["details"][1]["fieldViolations"]


# --- Random input ---


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
async def test_random_json_is_never_5xx(
    rest: httpx2.AsyncClient, endpoint: Endpoint, data: st.DataObject
) -> None:
    body = endpoint.body or {}
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(body)), VALUES, max_size=3))
    added = data.draw(st.dictionaries(ANY_NAME, VALUES, max_size=2))
    assert_handled(await send(rest, endpoint, {**added, **body, **changed}))


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=str)
@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(noise=st.binary(min_size=1, max_size=40), place=st.floats(0, 1))
async def test_random_bytes_are_never_5xx(
    rest: httpx2.AsyncClient, endpoint: Endpoint, noise: bytes, place: float
) -> None:
    body = json.dumps(endpoint.body).encode()
    cut = int(place * len(body))
    # Truncated after the noise, so that it cannot form a valid request by accident.
    assert_handled(await send_raw(rest, endpoint, body[:cut] + noise))

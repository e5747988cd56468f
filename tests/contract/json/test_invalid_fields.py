"""Fields with invalid values: 400, and never 5xx."""

from typing import Any

import httpx2
import pytest

from tests.contract.json.mutations import (
    WITH_FIELDS,
    assert_handled,
    every_request,
    places,
    replaced,
    send,
)
from tests.support.client import SOME_UUID
from tests.support.rest import (
    CREATE_SHARED_ITEM,
    GET_EVENTS,
    PUT_EVENT,
    PUT_INBOX,
    UPDATE_USER,
    Endpoint,
    Json,
    error_of,
)

pytestmark = pytest.mark.extended


@every_request
async def test_value_of_another_type_is_400(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for path in places(endpoint.body):
        # Envoy also accepts a time as an object with the fields of Timestamp.
        others = (True, 1.5) if path[-1] in ("expiry", "since") else (True, [[1]], {"a": {"b": 1}})
        for wrong in others:
            error_of(await send(rest, endpoint, replaced(endpoint.body, path, wrong)), 400)


ODD: list[Json] = [None, "", 0, -1, 10**30, 1e308, [], {}, ["x"], "\0", "x" * 10_000, "é" * 41]


@every_request
async def test_odd_value_is_never_5xx(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for path in places(endpoint.body):
        for value in ODD:
            assert_handled(await send(rest, endpoint, replaced(endpoint.body, path, value)))


# A high and a low surrogate.
HIGH, LOW = chr(0xD800), chr(0xDC00)


@every_request
@pytest.mark.parametrize("half", [HIGH, LOW, f"x{HIGH}y", LOW + HIGH], ids=ascii)
async def test_lone_surrogate_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, half: str
) -> None:
    for path in places(endpoint.body):
        error_of(await send(rest, endpoint, replaced(endpoint.body, path, half)), 400)


BYTES = [
    (UPDATE_USER, ("encryptedCurrentPlan",)),
    (UPDATE_USER, ("encryptedProfilePicture",)),
    (UPDATE_USER, ("encryptedName",)),
    (UPDATE_USER, ("encryptionIV",)),
    (UPDATE_USER, ("rsaPublicKey",)),
    (PUT_EVENT, ("encryptedEventPayload",)),
    (PUT_EVENT, ("encryptedEventIV",)),
    (PUT_INBOX, ("encryptedMessage", 0)),
    (CREATE_SHARED_ITEM, ("encryptedPayload", "encryptedPayload")),
    (CREATE_SHARED_ITEM, ("encryptedPayload", "iv", "value")),
]


@pytest.mark.parametrize(("endpoint", "path"), BYTES, ids=str)
async def test_invalid_base64_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for bad in ("!", "a", "ab=c", "====", "+_+_", "é", "YQ==YQ==", "\0", "data:;base64,YQ=="):
        error_of(await send(rest, endpoint, replaced(endpoint.body, path, bad)), 400)


TIMES = [
    (PUT_EVENT, ("expiry",)),
    (CREATE_SHARED_ITEM, ("expiry",)),
    (GET_EVENTS, ("users", 0, "since")),
]
INVALID_TIMES = [
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+25:00",
    "2026-01-01",
    "2026-01-01 00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "now",
    "infinity",
    "-infinity",
    "",
    " ",
    "\0",
    1_700_000_000,
    True,
]


@pytest.mark.parametrize(("endpoint", "path"), TIMES, ids=str)
async def test_invalid_time_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for time in INVALID_TIMES:
        error_of(await send(rest, endpoint, replaced(endpoint.body, path, time)), 400)


IDS = [
    (endpoint, path)
    for endpoint in WITH_FIELDS
    for path in places(endpoint.body)
    if path[-1] in ("id", "userId", "toUserId", "eventId") or path == ("ids", 0)
]
INVALID_IDS = [
    f"{{{SOME_UUID}}}",
    SOME_UUID.replace("-", ""),
    f"urn:uuid:{SOME_UUID}",
    f"({SOME_UUID})",
    f" {SOME_UUID}",
    f"{SOME_UUID}\n",
    f"{SOME_UUID}\0",
    SOME_UUID[:-1],
    SOME_UUID[:-1] + "g",
    SOME_UUID[:-1] + "１",
    "x" * 300,
    "\0",
    "",
]


@pytest.mark.parametrize(("endpoint", "path"), IDS, ids=str)
async def test_id_other_than_hyphenated_uuid_is_400_and_named(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for wrong in INVALID_IDS:
        error = error_of(await send(rest, endpoint, replaced(endpoint.body, path, wrong)), 400)
        assert len(error["details"][1]["fieldViolations"]) == 1, wrong

"""Whatever is sent: never a 5xx, and always an answer in the form that errors have."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode, aio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.feed.client import (
    SOME_UUID,
    Client,
    event_of,
    follow,
    item_of,
)
from tests.feed.rest import (
    CREATE_SHARED_ITEM,
    CREATE_USER,
    ENDPOINTS,
    GET_EVENTS,
    GET_USERS,
    PUT_EVENT,
    PUT_INBOX,
    UPDATE_USER,
    WITH_BODY,
    Endpoint,
    Json,
    error_of,
)
from tests.house import House

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


# --- What is no JSON object ---

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


# --- Fields with what does not belong there ---


@every_request
async def test_a_value_of_another_type_is_400(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for path in places(endpoint.body):
        # To Envoy a time may also be the object that Timestamp is.
        others = (True, 1.5) if path[-1] in ("expiry", "since") else (True, [[1]], {"a": {"b": 1}})
        for wrong in others:
            error_of(await sent(rest, endpoint, replaced(endpoint.body, path, wrong)), 400)


ODD: list[Json] = [None, "", 0, -1, 10**30, 1e308, [], {}, ["x"], "\0", "x" * 10_000, "é" * 41]


@every_request
async def test_an_odd_value_is_never_our_fault(
    rest: httpx2.AsyncClient, endpoint: Endpoint
) -> None:
    for path in places(endpoint.body):
        for value in ODD:
            answered_in_form(await sent(rest, endpoint, replaced(endpoint.body, path, value)))


# The two halves of a character beyond the first 65,536.
HIGH, LOW = chr(0xD800), chr(0xDC00)


@every_request
@pytest.mark.parametrize("half", [HIGH, LOW, f"x{HIGH}y", LOW + HIGH], ids=ascii)
async def test_half_a_character_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, half: str
) -> None:
    for path in places(endpoint.body):
        error_of(await sent(rest, endpoint, replaced(endpoint.body, path, half)), 400)


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
async def test_bad_base64_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for bad in ("!", "a", "ab=c", "====", "+_+_", "é", "YQ==YQ==", "\0", "data:;base64,YQ=="):
        error_of(await sent(rest, endpoint, replaced(endpoint.body, path, bad)), 400)


TIMES = [
    (PUT_EVENT, ("expiry",)),
    (CREATE_SHARED_ITEM, ("expiry",)),
    (GET_EVENTS, ("users", 0, "since")),
]
NO_TIMES = [
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
async def test_an_impossible_time_is_400(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for time in NO_TIMES:
        error_of(await sent(rest, endpoint, replaced(endpoint.body, path, time)), 400)


IDS = [
    (endpoint, path)
    for endpoint in WITH_FIELDS
    for path in places(endpoint.body)
    if path[-1] in ("id", "userId", "toUserId", "eventId") or path == ("ids", 0)
]
NO_IDS = [
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
async def test_an_id_that_is_no_hyphenated_uuid_is_400_and_named(
    rest: httpx2.AsyncClient, endpoint: Endpoint, path: tuple[Any, ...]
) -> None:
    for wrong in NO_IDS:
        error = error_of(await sent(rest, endpoint, replaced(endpoint.body, path, wrong)), 400)
        assert len(error["details"][1]["fieldViolations"]) == 1, wrong


# --- Too much of something ---


@every_body
async def test_nesting_without_end_is_400(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    for deep in (b'{"x":' * 5_000 + b"1" + b"}" * 5_000, b'{"x":' + b"[" * 100_000):
        error_of(await raw(rest, endpoint, deep), 400)


@every_body
async def test_numbers_beyond_all_bounds_are_never_our_fault(
    rest: httpx2.AsyncClient, endpoint: Endpoint
) -> None:
    name = next(iter(endpoint.body or {}), "x")
    for number in (b"1e999999", b"-1e999999", b"9" * 1000, b"1e-999999", b"0." + b"1" * 1000):
        answered_in_form(await raw(rest, endpoint, b'{"%s": %s}' % (name.encode(), number)))


@every_request
async def test_a_key_that_comes_twice_is_never_our_fault(
    rest: httpx2.AsyncClient, endpoint: Endpoint
) -> None:
    text = json.dumps(endpoint.body)
    answered_in_form(await raw(rest, endpoint, f"{text[:-1]}, {text[1:]}".encode()))


async def test_a_body_larger_than_any_request_may_be_is_413(rest: httpx2.AsyncClient) -> None:
    body = b'{"ids": ["' + b"x" * 5_000_000 + b'"]}'
    error = error_of(await raw(rest, GET_USERS, body), 413)
    assert error["details"][0]["reason"] == "REQUEST_TOO_LARGE"


async def test_a_body_of_100_mb_is_413_before_all_of_it_was_sent(house: House) -> None:
    host, _, port = house.address.partition(":")
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
    # What was not sent yet is not to be waited for.
    writer.transport.abort()
    with suppress(ConnectionError, asyncio.CancelledError):
        await speaking
    with suppress(ConnectionError):
        await writer.wait_closed()
    assert head.startswith("http/1.1 413 ")
    assert "\r\ncontent-type: application/json\r\n" in head


async def test_a_path_of_20_000_characters_is_the_callers_fault(rest: httpx2.AsyncClient) -> None:
    for path in ("/user/", "/shareditem/", "/health?"):
        response = await rest.get(path + "x" * 20_000)
        assert response.status_code in {200, 400, 414, 431}, response.text
        if response.status_code != 200:
            error_of(response, response.status_code)


async def test_headers_are_either_too_many_or_no_matter(rest: httpx2.AsyncClient) -> None:
    response = await rest.get("/health", headers={"x-large": "x" * 20_000})
    assert (response.status_code, response.text) == (200, '{"status":"ok"}')
    error_of(await rest.get("/health", headers={"x-large": "x" * 100_000}), 431)


# --- Paths and verbs ---


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/",
        "/v3/health",
        "/user",
        "/user/",
        "/USER/x",
        "/user/x/y",
        "/shareditem/",
        "/inbox/x",
        "/gymlocker.v2.UserService/GetUser",
        "/grpc.health.v1.Health/Check",
        "/.env",
        "/%F0%9F%8F%8B",
    ],
)
async def test_an_unknown_path_is_404(rest: httpx2.AsyncClient, path: str) -> None:
    error = error_of(await rest.get(path), 404)
    assert error["details"][0]["reason"] == "UNKNOWN_PATH"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
async def test_another_verb_is_404(rest: httpx2.AsyncClient, endpoint: Endpoint) -> None:
    served = {known.verb for known in ENDPOINTS if known.path == endpoint.path}
    if endpoint.path.startswith("/user/"):
        served.add("GET")  # of a user with the lookup "create" or "delete"
    for verb in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - served:
        error_of(await rest.request(verb, endpoint.path), 404)


async def test_a_verb_that_nobody_knows_is_400(rest: httpx2.AsyncClient) -> None:
    error_of(await rest.request("BREW", "/user/create"), 400)


@pytest.mark.parametrize("prefix", ["/user/", "/v2/user/", "/shareditem/", "/v2/shareditem/"])
async def test_what_a_path_may_not_hold_is_the_callers_fault(
    rest: httpx2.AsyncClient, prefix: str
) -> None:
    for name in ("%00", "a%00b", "%ff", "%ED%A0%80", "x" * 300, "%C3%A9" * 101, "a%2fb", "%5c"):
        response = await rest.get(prefix + name)
        assert response.status_code in {400, 404}
        error_of(response, response.status_code)


async def test_a_nul_in_a_path_is_400(rest: httpx2.AsyncClient) -> None:
    error_of(await rest.get("/user/a%00b"), 400)
    error_of(await rest.get("/shareditem/a%00b"), 400)


@pytest.mark.parametrize("form", [f"{{{SOME_UUID}}}", SOME_UUID.replace("-", ""), "x" * 100])
async def test_what_is_no_id_is_a_lookup_that_nobody_has(
    rest: httpx2.AsyncClient, form: str
) -> None:
    error = error_of(await rest.get(f"/user/{form}"), 404)
    assert error["details"][0]["reason"] == "USER_NOT_FOUND"


# --- gRPC ---


@pytest.fixture
async def channel(house: House) -> AsyncIterator[aio.Channel]:
    """Bare gRPC, without messages."""
    async with aio.insecure_channel(house.address) as channel:
        yield channel


async def code_of(channel: aio.Channel, path: str, request: bytes) -> StatusCode:
    """How a call ends whose request is `request`."""
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        await call(request, timeout=30)
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


@pytest.mark.parametrize(
    "request_bytes",
    [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\x05x", b"\x0a\x03\xed\xa0\x80", b"\x0b", b"\0"],
    ids=["garbage", "invalid UTF-8", "cut off", "half a character", "an open group", "field 0"],
)
async def test_bytes_that_are_no_message_are_the_callers_fault(
    channel: aio.Channel, request_bytes: bytes
) -> None:
    for method in ("UserService/GetUser", "EventService/PutEvent", "ShareService/GetSharedItem"):
        code = await code_of(channel, f"/gymlocker.v2.{method}", request_bytes)
        assert code == StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "path",
    [
        "/gymlocker.v2.UserService/Nothing",
        "/gymlocker.v2.Nothing/GetUser",
        "/gymlocker.v3.UserService/GetUser",
        "/nothing",
        "/",
    ],
)
async def test_an_unknown_method_is_unimplemented(channel: aio.Channel, path: str) -> None:
    assert await code_of(channel, path, b"") == StatusCode.UNIMPLEMENTED


async def test_a_message_larger_than_any_request_may_be_is_too_much(channel: aio.Channel) -> None:
    code = await code_of(channel, "/gymlocker.v2.UserService/UpdateUser", bytes(5_000_000))
    assert code == StatusCode.RESOURCE_EXHAUSTED


NO_TIMESTAMPS = [
    Timestamp(seconds=-62135596801),
    Timestamp(seconds=253402300800),
    Timestamp(seconds=2**63 - 1),
    Timestamp(seconds=-(2**63)),
    Timestamp(seconds=1, nanos=-1),
    Timestamp(seconds=1, nanos=1_000_000_000),
    Timestamp(seconds=253402300799, nanos=2**31 - 1),
]


async def test_a_timestamp_out_of_range_is_the_callers_fault(channel: aio.Channel) -> None:
    client = Client(channel)
    user = await client.new_user()
    for wrong in NO_TIMESTAMPS:
        event, item = event_of(user), item_of(user)
        event.expiry.CopyFrom(wrong)
        item.expiry.CopyFrom(wrong)
        for call in (
            client.events.PutEvent(event),
            client.feed(follow(user.id, "secret", wrong)),
            client.shares.CreateSharedItem(item),
        ):
            with pytest.raises(aio.AioRpcError) as error:
                await call
            assert error.value.code() == StatusCode.INVALID_ARGUMENT, wrong


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

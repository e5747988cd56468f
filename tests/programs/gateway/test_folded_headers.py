"""Folded headers and bare CRs over HTTP/1.1: Envoy repairs them, and nothing is smuggled.

See docs/decisions/0017-folded-headers.md.
"""

import json
from uuid import uuid4

import pytest

from .processes import FrontDoor
from .raw_http import exchange

HOST = b"host: a\r\n"
CLOSE = b"connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"one\r\n two", "one two"),
        (b"one\r\n\ttwo", "one\ttwo"),
        (b"one\r\n x-canary: two", "one x-canary: two"),
        (b"one\rx-canary: two", "onex-canary: two"),
        (b"one\r\rx-canary: two", "onex-canary: two"),
        (b"one\r x-canary: two", "one x-canary: two"),
        (b"one\r", "one"),
    ],
    ids=ascii,
)
def test_worker_receives_one_request_with_one_value(
    door: FrontDoor, sent: bytes, received: str
) -> None:
    command = f"metadata:{uuid4()}"
    request = f"GET /user/{command} HTTP/1.1\r\n".encode()
    [response] = exchange(door.port, request + HOST + b"x-test: " + sent + b"\r\n" + CLOSE)
    assert response.status == 200
    metadata = json.loads(response.json()["lookup"])
    assert metadata["x-test"] == received
    assert "x-canary" not in metadata
    assert door.workers[0].ask(f"count:{command}") == "1"


@pytest.mark.parametrize("separator", [b"\r", b"\r\r", b"\r\n ", b"\r\n\t", b"\r\r\n "], ids=ascii)
def test_bytes_after_separator_are_no_second_request(door: FrontDoor, separator: bytes) -> None:
    first, hidden, last = (str(uuid4()) for _ in range(3))
    smuggled = f"GET /user/{hidden} HTTP/1.1".encode()
    responses = exchange(
        door.port,
        f"GET /user/{first} HTTP/1.1\r\n".encode()
        + HOST
        + (b"x-test: one" + separator + smuggled + b"\r\n\r\n")
        + f"GET /user/{last} HTTP/1.1\r\n".encode()
        + HOST
        + CLOSE,
    )
    assert [(one.status, one.json()["id"]) for one in responses] == [(200, first), (200, last)]
    counts = [door.workers[0].ask(f"count:{lookup}") for lookup in (first, hidden, last)]
    assert counts == ["1", "0", "1"]


@pytest.mark.parametrize("separator", [b"\r\n ", b"\r\n\t", b"\r"], ids=ascii)
def test_repaired_content_length_frames_the_body(door: FrontDoor, separator: bytes) -> None:
    written, last = str(uuid4()), str(uuid4())
    body = json.dumps({"id": written}).encode()
    responses = exchange(
        door.port,
        b"PUT /user HTTP/1.1\r\n"
        + HOST
        + b"content-length:%b%d\r\n\r\n" % (separator, len(body))
        + body
        + f"GET /user/{last} HTTP/1.1\r\n".encode()
        + HOST
        + CLOSE,
    )
    assert [one.status for one in responses] == [200, 200]
    assert responses[1].json()["id"] == last
    assert door.workers[0].ask(f"count:{written}") == "1"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /user/abc HTTP/1.1\r\n x-test: one\r\n" + HOST,
        b"GET /user/abc HTTP/1.1\r\n" + HOST + b"x-te\rst: one\r\n",
        b"GET /user/a\rbc HTTP/1.1\r\n" + HOST,
    ],
    ids=["fold before the first header", "CR in a name", "CR in the path"],
)
def test_other_positions_are_400(door: FrontDoor, head: bytes) -> None:
    [response] = exchange(door.port, head + CLOSE)
    assert response.status == 400
    assert response.json()["details"][0]["reason"] == "MALFORMED_REQUEST"

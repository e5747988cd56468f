"""Malformed requests: each gets an error as JSON, and none breaks anything."""

import socket
from collections.abc import Iterator

import httpx2
import pytest

from .assertions import assert_error
from .processes import FrontDoor

LIMIT = 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"{bad", "Expected"),
        (b'{"id": "a"', "end of string"),
        (b"", None),
        (b"[]", None),
        (b"5", None),
        (b"\x00" * 100, "Expected a value"),
        (b'{"encryptionIV": "%%%"}', "encryption_iv"),
        (b'{"encryptionIV": 5}', "encryption_iv"),
        (b'{"encryptionIV": {"a": 1}}', "encryption_iv"),
        (b'{"id": ["a"]}', "not repeating"),
        (b'{"id": "\xff\xfe"}', None),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too deep"),
        (b"[" * LIMIT, None),
        (b"1" * 100_000, None),
    ],
)
def test_malformed_body_is_400_or_empty_message(
    client: httpx2.Client, body: bytes, hint: str | None
) -> None:
    response = client.put("/user", content=body)
    if response.status_code == 200:
        assert hint is None
        assert response.json() == {}
    else:
        message = assert_error(response, 400, 3, "MALFORMED_REQUEST")
        assert (hint or "") in message


@pytest.mark.parametrize(
    "since",
    ['"yesterday"', '"10000-01-01T00:00:00Z"', '"2026-02-30T00:00:00Z"', '"2026-02-01"', "5"],
)
def test_invalid_time_is_400(client: httpx2.Client, since: str) -> None:
    response = client.post("/events", content=f'{{"users": [{{"since": {since}}}]}}')
    assert_error(response, 400, 3, "MALFORMED_REQUEST")


def test_nul_in_text_reaches_worker(client: httpx2.Client) -> None:
    response = client.post("/events", content=rb'{"users": [{"userId": "\u0000"}]}')
    assert response.json()["invalidFollowSecrets"] == ["\u0000"]


@pytest.mark.parametrize(
    "path", ["/user/%00", "/user/a%2Fb", "/user/a%5Cb", "/user/%2e%2e%2fusers"]
)
def test_path_with_hidden_characters_is_400(client: httpx2.Client, path: str) -> None:
    assert_error(client.get(path), 400, 3, "MALFORMED_REQUEST")


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/user/{6f9619ff-8b86-d011-b42d-00c04fc964ff}", "{6f9619ff-8b86-d011-b42d-00c04fc964ff}"),
        ("/user/%7Babc%7D", "{abc}"),
        ("/user///abc", "abc"),
        ("/users/../user/abc", "abc"),
        ("/user/abc?x=%00", "abc"),
    ],
)
def test_normalizes_path(client: httpx2.Client, path: str, seen: str) -> None:
    assert client.get(path).json()["id"] == seen


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", "/USER/abc"),
        ("GET", "/user/"),
        ("GET", "/user/a/b"),
        ("GET", "/v3/user/abc"),
        ("GET", "/users/../.."),
        ("GET", "/gymlocker.v2.UserService/GetUser"),
        ("POST", "/gymlocker.v2.UserService/GetUser"),
        ("POST", "/grpc.health.v1.Health/Check"),
        ("POST", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
    ],
)
@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_unknown_path_is_404(
    client: httpx2.Client, method: str, path: str, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert_error(client.request(method, path, headers=headers), 404, 5, "UNKNOWN_PATH")


def test_grpc_content_type_on_get_is_unimplemented(client: httpx2.Client) -> None:
    headers = {"content-type": "application/grpc"}
    response = client.get("/gymlocker.v2.UserService/GetUser", headers=headers)
    assert response.headers["grpc-status"] == "12"


def chunks(count: int) -> Iterator[bytes]:
    """Yield chunks of 64 KiB."""
    for _ in range(count):
        yield b" " * 65536


def test_body_beyond_limit_is_413(client: httpx2.Client) -> None:
    filler = LIMIT - len(b'{"x":""}')
    assert client.put("/user", content=b'{"x":"%s"}' % (b"x" * filler)).json() == {}
    response = client.put("/user", content=b'{"x":"%s"}' % (b"x" * (filler + 1)))
    assert_error(response, 413, 8, "REQUEST_TOO_LARGE")


def test_100_megabytes_are_413_before_they_are_read(client: httpx2.Client) -> None:
    for path in ("/user", "/nowhere"):
        known = client.put(path, content=b" " * 100_000_000)
        assert_error(known, 413, 8, "REQUEST_TOO_LARGE")
        chunked = client.put(path, content=chunks(1600))
        assert_error(chunked, 413, 8, "REQUEST_TOO_LARGE")


def test_oversized_headers_are_431(client: httpx2.Client) -> None:
    for headers in ({"a": "a" * 40_000}, {f"h{number}": "a" for number in range(120)}):
        assert_error(client.get("/user/abc", headers=headers), 431, 8, "REQUEST_TOO_LARGE")


def test_drops_headers_with_underscores(client: httpx2.Client) -> None:
    response = client.get("/user/metadata:", headers={"x_request_id": "canary"})
    assert response.status_code == 200
    assert "canary" not in response.text


def test_drops_binary_metadata(client: httpx2.Client) -> None:
    response = client.get("/user/metadata:", headers={"x-bin": "%%%"})
    assert response.status_code == 200
    assert "x-bin" not in response.text


def test_unsupported_upgrade_is_403(client: httpx2.Client) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket"}
    assert_error(client.get("/user/abc", headers=headers), 403, 9, "NOT_SERVED")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET user HTTP/1.1", 400),
        ("BREW / HTTP/1.1", 400),
        ("nonsense", 400),
    ],
)
def test_malformed_request_line_is_400(door: FrontDoor, request_line: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.settimeout(10)
        connection.sendall(f"{request_line}\r\nhost: a\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/json" in head
    assert body.startswith(b'{"code":')


def test_serves_http_1_0(door: FrontDoor) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.settimeout(10)
        connection.sendall(b"GET /user/abc HTTP/1.0\r\n\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.0 200 OK\r\n")

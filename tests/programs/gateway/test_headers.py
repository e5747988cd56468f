"""Headers that gRPC parses itself, and content types: the front door rejects invalid ones."""

import base64
import gzip
import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from gymlocker.v2 import user_pb2

from server.programs.gateway.local_replies import LOCAL_REPLIES, LocalReply, grpc_headers

from .assertions import assert_error, grpc_error
from .processes import FrontDoor, front_door

GET_USER = "/gymlocker.v2.UserService/GetUser"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
KINDS = ("application/grpc", "application/grpc-web", "application/grpc-web-text")
MALFORMED = (3, "MALFORMED_REQUEST")
ENCODING = (12, "UNSUPPORTED_ENCODING")
TOO_LARGE = (8, "REQUEST_TOO_LARGE")
LIMIT = 4 * 1024 * 1024
CONTENT_TYPE = (12, "UNSUPPORTED_CONTENT_TYPE")


def request(kind: str) -> bytes:
    """Return a GetUserRequest in the framing of this content type."""
    message = user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString()
    frame = struct.pack(">BI", 0, len(message)) + message
    return base64.b64encode(frame) if "-text" in kind else frame


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *(("grpc-timeout", text, MALFORMED) for text in ("5s", "1.5S", "-1S", "S", "1", "1S,1S")),
        ("grpc-timeout", "123456789S", MALFORMED),
        *(("grpc-encoding", text, ENCODING) for text in ("br", "", "gzip,gzip", "stream/gzip")),
    ],
)
def test_rejects_invalid_grpc_headers(
    client: httpx2.Client, name: str, value: str, error: tuple[int, str]
) -> None:
    for kind in KINDS:
        headers = {"content-type": kind, name: value}
        response = client.post(GET_USER, content=request(kind), headers=headers)
        assert (response.status_code, grpc_error(response.headers)) == (200, error)
    response = client.get("/user/abc", headers={name: value})
    assert_error(response, {3: 400, 12: 415}[error[0]], *error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("grpc-timeout", f"300{unit}") for unit in "HMSmu"),
        *(("grpc-encoding", text) for text in ("identity", "gzip", "deflate")),
        ("grpc-accept-encoding", "nothing, br"),
        *(("te", text) for text in ("", "gzip", "trailers")),
    ],
)
def test_accepts_valid_grpc_headers(client: httpx2.Client, name: str, value: str) -> None:
    headers = {"content-type": "application/grpc-web", name: value}
    response = client.post(GET_USER, content=request(""), headers=headers)
    assert b"grpc-status:0" in response.content
    assert client.get("/user/abc", headers={name: value}).json()["id"] == "abc"


@pytest.mark.parametrize(
    "name",
    [
        "grpc-internal-encoding-request",
        "grpc-message",
        "grpc-previous-rpc-attempts",
        "grpc-retry-pushback-ms",
        "grpc-status",
        "grpc-tags-bin",
        "grpc-trace-bin",
        "lb-cost-bin",
        "lb-token",
        "x-content-type",
        "x-grpc-timeout",
    ],
)
def test_removes_internal_headers(client: httpx2.Client, name: str) -> None:
    metadata = json.loads(client.get("/user/metadata:", headers={name: "%%"}).json()["lookup"])
    assert name not in metadata


@pytest.fixture(scope="module")
def permissive() -> Iterator[FrontDoor]:
    """A front door that lets through encodings that a worker cannot decode."""
    with front_door(changes={"regex: identity|gzip|deflate": "regex: .*"}) as door:
        yield door


def test_unreadable_header_fails_only_its_own_call(permissive: FrontDoor) -> None:
    """Without a header table, other calls cannot refer to the unreadable header."""

    def statuses(encoding: str) -> set[int]:
        headers = {"grpc-encoding": encoding}
        return {permissive.client.get("/user/abc", headers=headers).status_code for _ in range(25)}

    # After these, Envoy knows that the worker disables the table.
    assert statuses("identity") == {200}
    with ThreadPoolExecutor() as pool:
        bad = pool.submit(statuses, "br")
        good = [pool.submit(statuses, "gzip") for _ in range(3)]
        assert 200 not in bad.result()
        assert [each.result() for each in good] == [{200}] * 3


@pytest.mark.parametrize(
    "kind", ["+json", "+thrift", "-web+json", "-web+thrift", "-web-text+json", "x", "-foo"]
)
def test_rejects_unsupported_grpc_content_types(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": f"application/grpc{kind}"}
    response = client.post(GET_USER, content=request(""), headers=headers)
    assert grpc_error(response.headers) == CONTENT_TYPE


@pytest.mark.parametrize(
    "kind", ["", "+proto", ";charset=utf-8", "+proto; a=b", "-web", "-web+proto"]
)
def test_accepts_supported_grpc_content_types(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": f"application/grpc{kind}"}
    response = client.post(GET_USER, content=request(""), headers=headers)
    assert (response.status_code, b"\x0a\x03abc" in response.content) == (200, True)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "text/json",
        # The default of curl.
        "application/x-www-form-urlencoded",
    ],
)
def test_accepts_content_types_of_json(client: httpx2.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    response = client.post("/events", content=b'{"users": [{"userId": "u"}]}', headers=headers)
    assert response.json()["invalidFollowSecrets"] == ["u"]


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/plain", "text/json2", "multipart/form-data; boundary=a"]
)
def test_other_content_types_are_415(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": kind}
    response = client.post("/events", content=b"<users/>", headers=headers)
    assert_error(response, 415, *CONTENT_TYPE)
    # Without a body, the content type does not matter.
    assert client.get("/user/abc", headers=headers).json()["id"] == "abc"


def test_compressed_json_is_415(client: httpx2.Client) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    response = client.post("/events", content=gzip.compress(b"{}"), headers=headers)
    assert_error(response, 415, *ENCODING)
    plain = client.post("/events", json={}, headers={"content-encoding": "identity"})
    assert plain.status_code == 200


@pytest.mark.parametrize(
    "hosts", ["Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n", "Host: a,b\r\n"]
)
def test_several_hosts_are_400(door: FrontDoor, hosts: str) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.settimeout(10)
        connection.sendall(f"GET /user/abc HTTP/1.1\r\n{hosts}connection: close\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["details"][0]["reason"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize("reply", LOCAL_REPLIES, ids=lambda reply: reply.reason)
def test_message_is_valid_header_value(reply: LocalReply) -> None:
    if reply.message != "%LOCAL_REPLY_BODY%":  # used over REST only
        # gRPC decodes percent signs, and Envoy replaces text between two of them.
        assert reply.message.isascii()
        assert "%" not in reply.message
        assert grpc_error(grpc_headers(reply))[1] == reply.reason


@pytest.mark.parametrize(
    ("encoding", "flag", "message", "error"),
    [
        ("identity", 1, b"abcde", MALFORMED),
        ("gzip", 1, b"abcde", MALFORMED),
        ("gzip", 1, gzip.compress(bytes(2 * LIMIT)), TOO_LARGE),
    ],
)
def test_errors_of_grpc_core_have_reason(
    client: httpx2.Client,
    encoding: str,
    flag: int,
    message: bytes,
    error: tuple[int, str],
) -> None:
    content = struct.pack(">BI", flag, len(message)) + message
    for kind in KINDS[:2]:
        headers = {"content-type": kind, "grpc-encoding": encoding}
        response = client.post(GET_USER, content=content, headers=headers)
        assert grpc_error(response.headers) == error


def test_oversized_stream_message_has_reason(client: httpx2.Client) -> None:
    content = struct.pack(">BI", 0, LIMIT + 1) + bytes(LIMIT + 1)
    headers = {"content-type": "application/grpc"}
    response = client.post(REFLECTION, content=content, headers=headers)
    assert grpc_error(response.headers) == TOO_LARGE


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_envoy_have_reason_over_grpc(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": kind}
    for path, error in (
        ("/no.No/No", (12, "UNKNOWN_PATH")),
        ("/a%2Fb", MALFORMED),
    ):
        assert grpc_error(client.post(path, headers=headers).headers) == error
    large = client.post(GET_USER, content=b"AAAA" * 1_600_000, headers=headers)
    assert grpc_error(large.headers) == TOO_LARGE


def test_unreachable_worker_has_reason_over_grpc() -> None:
    with front_door(started=False) as door:
        for kind in KINDS:
            response = door.client.post(
                GET_USER, content=request(kind), headers={"content-type": kind}
            )
            assert grpc_error(response.headers) == (14, "UNAVAILABLE")

"""Headers that gRPC parses itself, and content types; bad ones end at the front door."""

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
    """A GetUserRequest as calls of that content type have it."""
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
def test_what_grpc_could_not_read_is_refused(
    client: httpx2.Client, name: str, value: str, error: tuple[int, str]
) -> None:
    for kind in KINDS:
        headers = {"content-type": kind, name: value}
        reply = client.post(GET_USER, content=request(kind), headers=headers)
        assert (reply.status_code, grpc_error(reply.headers)) == (200, error)
    reply = client.get("/user/abc", headers={name: value})
    assert_error(reply, {3: 400, 12: 415}[error[0]], *error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("grpc-timeout", f"300{unit}") for unit in "HMSmu"),
        *(("grpc-encoding", text) for text in ("identity", "gzip", "deflate")),
        ("grpc-accept-encoding", "nothing, br"),
        *(("te", text) for text in ("", "gzip", "trailers")),
    ],
)
def test_what_grpc_reads_passes(client: httpx2.Client, name: str, value: str) -> None:
    headers = {"content-type": "application/grpc-web", name: value}
    reply = client.post(GET_USER, content=request(""), headers=headers)
    assert b"grpc-status:0" in reply.content
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
def test_what_no_caller_need_say_is_removed(client: httpx2.Client, name: str) -> None:
    metadata = json.loads(client.get("/user/metadata:", headers={name: "%%"}).json()["lookup"])
    assert name not in metadata


@pytest.fixture(scope="module")
def careless() -> Iterator[FrontDoor]:
    """A front door that checks no encodings: what it passes on, a worker cannot read."""
    with front_door(changes={"regex: identity|gzip|deflate": "regex: .*"}) as door:
        yield door


def test_a_header_that_a_worker_cannot_read_fails_its_own_call_alone(careless: FrontDoor) -> None:
    """For there is no table of headers, in which theirs could refer to its name."""

    def statuses(encoding: str) -> set[int]:
        headers = {"grpc-encoding": encoding}
        return {careless.client.get("/user/abc", headers=headers).status_code for _ in range(25)}

    # Envoy then knows that the worker wants no table.
    assert statuses("identity") == {200}
    with ThreadPoolExecutor() as pool:
        bad = pool.submit(statuses, "br")
        good = [pool.submit(statuses, "gzip") for _ in range(3)]
        assert 200 not in bad.result()
        assert [each.result() for each in good] == [{200}] * 3


@pytest.mark.parametrize(
    "kind", ["+json", "+thrift", "-web+json", "-web+thrift", "-web-text+json", "x", "-foo"]
)
def test_other_kinds_of_grpc_are_refused(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": f"application/grpc{kind}"}
    reply = client.post(GET_USER, content=request(""), headers=headers)
    assert grpc_error(reply.headers) == CONTENT_TYPE


@pytest.mark.parametrize(
    "kind", ["", "+proto", ";charset=utf-8", "+proto; a=b", "-web", "-web+proto"]
)
def test_kinds_of_grpc_that_are_spoken(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": f"application/grpc{kind}"}
    reply = client.post(GET_USER, content=request(""), headers=headers)
    assert (reply.status_code, b"\x0a\x03abc" in reply.content) == (200, True)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "text/json",
        # What curl says unasked.
        "application/x-www-form-urlencoded",
    ],
)
def test_json_is_read_as_such(client: httpx2.Client, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    reply = client.post("/events", content=b'{"users": [{"userId": "u"}]}', headers=headers)
    assert reply.json()["invalidFollowSecrets"] == ["u"]


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/plain", "text/json2", "multipart/form-data; boundary=a"]
)
def test_what_is_no_json_is_415(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": kind}
    reply = client.post("/events", content=b"<users/>", headers=headers)
    assert_error(reply, 415, *CONTENT_TYPE)
    # Without a body, it says nothing.
    assert client.get("/user/abc", headers=headers).json()["id"] == "abc"


def test_json_that_is_compressed_is_415(client: httpx2.Client) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    reply = client.post("/events", content=gzip.compress(b"{}"), headers=headers)
    assert_error(reply, 415, *ENCODING)
    plain = client.post("/events", json={}, headers={"content-encoding": "identity"})
    assert plain.status_code == 200


@pytest.mark.parametrize(
    "hosts", ["Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n", "Host: a,b\r\n"]
)
def test_one_host_and_no_other(door: FrontDoor, hosts: str) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.settimeout(10)
        connection.sendall(f"GET /user/abc HTTP/1.1\r\n{hosts}connection: close\r\n\r\n".encode())
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["details"][0]["reason"] == "MALFORMED_REQUEST"


@pytest.mark.parametrize("reply", LOCAL_REPLIES, ids=lambda reply: reply.reason)
def test_a_sentence_can_stand_in_a_header(reply: LocalReply) -> None:
    if reply.message != "%LOCAL_REPLY_BODY%":  # of REST alone
        # gRPC would decode percents, and Envoy fill in what stands between two.
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
def test_errors_of_grpc_core_have_a_reason(
    client: httpx2.Client,
    encoding: str,
    flag: int,
    message: bytes,
    error: tuple[int, str],
) -> None:
    content = struct.pack(">BI", flag, len(message)) + message
    for kind in KINDS[:2]:
        headers = {"content-type": kind, "grpc-encoding": encoding}
        reply = client.post(GET_USER, content=content, headers=headers)
        assert grpc_error(reply.headers) == error


def test_a_message_of_a_stream_that_is_too_large_has_a_reason(client: httpx2.Client) -> None:
    content = struct.pack(">BI", 0, LIMIT + 1) + bytes(LIMIT + 1)
    headers = {"content-type": "application/grpc"}
    reply = client.post(REFLECTION, content=content, headers=headers)
    assert grpc_error(reply.headers) == TOO_LARGE


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_envoy_have_a_reason_over_grpc(client: httpx2.Client, kind: str) -> None:
    headers = {"content-type": kind}
    for path, error in (
        ("/no.No/No", (12, "UNKNOWN_PATH")),
        ("/a%2Fb", MALFORMED),
    ):
        assert grpc_error(client.post(path, headers=headers).headers) == error
    large = client.post(GET_USER, content=b"AAAA" * 1_600_000, headers=headers)
    assert grpc_error(large.headers) == TOO_LARGE


def test_a_worker_out_of_reach_has_a_reason_over_grpc() -> None:
    with front_door(started=False) as door:
        for kind in KINDS:
            reply = door.client.post(
                GET_USER, content=request(kind), headers={"content-type": kind}
            )
            assert grpc_error(reply.headers) == (14, "UNAVAILABLE")

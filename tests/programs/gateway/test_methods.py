"""HEAD, OPTIONS, and methods that a path does not have."""

import socket

import httpx2
import pytest

from server.programs.gateway.paths import methods_by_path

from .assertions import assert_error
from .processes import DESCRIPTOR_SET, FrontDoor

ALLOW = {
    "/user/abc": "GET, HEAD, OPTIONS",
    "/user/abc?a=/events": "GET, HEAD, OPTIONS",
    "/user/create": "GET, HEAD, POST, OPTIONS",
    "/event": "PUT, OPTIONS",
    "/follow-secret": "PUT, OPTIONS",
    "/inbox": "POST, PUT, OPTIONS",
    "/workouts": "GET, HEAD, POST, OPTIONS",
    # Also the path of the workout whose id it would be.
    "/workouts/stats": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
    "/workouts/7b1cbf0e-7d1a-4c5b-9d5a-2f0d7d1a4c5b": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
}


@pytest.mark.parametrize("prefix", ["", "/v2"])
@pytest.mark.parametrize("path", ALLOW)
def test_options_tells_the_methods_of_a_path(client: httpx2.Client, prefix: str, path: str) -> None:
    reply = client.options(prefix + path)
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["allow"] == ALLOW[path]


@pytest.mark.parametrize("path", ALLOW)
def test_a_method_that_a_path_does_not_have_is_405(client: httpx2.Client, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        if method in ALLOW[path].split(", "):
            continue
        reply = client.request(method, path)
        assert reply.status_code == 405
        assert reply.headers["allow"] == ALLOW[path]
        if method != "HEAD":
            assert_error(reply, 405, 12, "METHOD_NOT_ALLOWED")


def test_what_is_no_path_has_no_methods(client: httpx2.Client) -> None:
    for path in ("/nowhere", "/user/a/b", "/follow.secret", "/v3/events", "/user/"):
        for method in ("OPTIONS", "HEAD", "DELETE"):
            reply = client.request(method, path)
            assert reply.status_code == 404
            assert "allow" not in reply.headers


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_what_a_body_is_said_to_be_changes_nothing(
    client: httpx2.Client, content_type: str
) -> None:
    reply = client.patch("/user", headers={"content-type": content_type})
    assert_error(reply, 405, 12, "METHOD_NOT_ALLOWED")


def test_browsers_may_read_that_a_method_is_missing(client: httpx2.Client) -> None:
    reply = client.delete("/user/abc", headers={"origin": "https://app.example"})
    assert reply.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("path", ["/user/abc", "/health", "/user/raise:NotFound"])
def test_head_is_get_without_the_body(door: FrontDoor, client: httpx2.Client, path: str) -> None:
    def headers(reply: httpx2.Response) -> dict[str, str]:
        passing = ("date", "x-request-id")
        return {name: value for name, value in reply.headers.items() if name not in passing}

    got, head = client.get(path), client.head(path)
    assert head.content == b""
    assert (head.status_code, headers(head)) == (got.status_code, headers(got))


def test_no_byte_of_a_body_follows_a_head(door: FrontDoor) -> None:
    """A client would take it for the start of the next reply."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD /user/abc HTTP/1.1\r\nhost: a\r\n\r\n")
            reply = b""
            while b"\r\n\r\n" not in reply:
                reply += connection.recv(65536)
            assert reply.startswith(b"HTTP/1.1 200 ")
            assert reply.endswith(b"\r\n\r\n")


def test_the_methods_are_those_of_the_contract() -> None:
    found = methods_by_path(DESCRIPTOR_SET)
    assert found["/v2/follow%-secret"] == "PUT"
    assert found["/user/[^/]+"] == "GET HEAD"
    assert len(found) > 50

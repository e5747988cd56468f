"""HEAD, OPTIONS and unsupported methods."""

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
    # This path also matches /workouts/{id}.
    "/workouts/stats": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
    "/workouts/7b1cbf0e-7d1a-4c5b-9d5a-2f0d7d1a4c5b": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
}


@pytest.mark.parametrize("prefix", ["", "/v2"])
@pytest.mark.parametrize("path", ALLOW)
def test_options_lists_methods_of_path(client: httpx2.Client, prefix: str, path: str) -> None:
    response = client.options(prefix + path)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == ALLOW[path]


@pytest.mark.parametrize("path", ALLOW)
def test_unsupported_method_is_405(client: httpx2.Client, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        if method in ALLOW[path].split(", "):
            continue
        response = client.request(method, path)
        assert response.status_code == 405
        assert response.headers["allow"] == ALLOW[path]
        if method != "HEAD":
            assert_error(response, 405, 12, "METHOD_NOT_ALLOWED")


def test_unknown_path_has_no_methods(client: httpx2.Client) -> None:
    for path in ("/nowhere", "/user/a/b", "/follow.secret", "/v3/events", "/user/"):
        for method in ("OPTIONS", "HEAD", "DELETE"):
            response = client.request(method, path)
            assert response.status_code == 404
            assert "allow" not in response.headers


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_unsupported_method_is_405_for_any_content_type(
    client: httpx2.Client, content_type: str
) -> None:
    response = client.patch("/user", headers={"content-type": content_type})
    assert_error(response, 405, 12, "METHOD_NOT_ALLOWED")


def test_405_has_cors_headers(client: httpx2.Client) -> None:
    response = client.delete("/user/abc", headers={"origin": "https://app.example"})
    assert response.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("path", ["/user/abc", "/health", "/user/raise:NotFound"])
def test_head_is_get_without_body(door: FrontDoor, client: httpx2.Client, path: str) -> None:
    def headers(response: httpx2.Response) -> dict[str, str]:
        passing = ("date", "x-request-id")
        return {name: value for name, value in response.headers.items() if name not in passing}

    got, head = client.get(path), client.head(path)
    assert head.content == b""
    assert (head.status_code, headers(head)) == (got.status_code, headers(got))


def test_no_body_follows_head_on_connection(door: FrontDoor) -> None:
    """A client would parse it as the next response."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD /user/abc HTTP/1.1\r\nhost: a\r\n\r\n")
            response = b""
            while b"\r\n\r\n" not in response:
                response += connection.recv(65536)
            assert response.startswith(b"HTTP/1.1 200 ")
            assert response.endswith(b"\r\n\r\n")


def test_methods_are_read_from_contract() -> None:
    found = methods_by_path(DESCRIPTOR_SET)
    assert found["/v2/follow%-secret"] == "PUT"
    assert found["/user/[^/]+"] == "GET HEAD"
    assert len(found) > 50

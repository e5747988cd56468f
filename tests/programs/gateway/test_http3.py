"""HTTP/3 at the front door."""

import asyncio
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from aioquic.tls import SessionTicket
from gymlocker.v2 import user_pb2

from server.libraries.network.tls import Certificate
from server.programs.gateway.listeners import headers, http3_port, listeners
from tests.support.ports import free_port
from tests.support.waiting import eventually, eventually_true

from .authority import Authority
from .http3 import connected
from .processes import FrontDoor, front_door

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def certificate_in(folder: Path) -> Certificate:
    return Certificate(folder / "chain.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def door(authority: Authority) -> Iterator[FrontDoor]:
    authority.issue(authority.folder)
    with front_door(certificate=certificate_in(authority.folder), unread_seconds=2) as door:
        yield door


async def test_serves_rest(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        response = await connection.request("GET", "/user/abc")
        assert (response.status, response.json()["id"]) == (200, "abc")
        assert response.headers["strict-transport-security"] == "max-age=63072000"
        response = await connection.request("PUT", "/user", b'{"id": "abc"}')
        assert (response.status, response.json()) == (200, {})
    assert door.logged(response.headers["x-request-id"])["protocol"] == "HTTP/3"


async def test_errors_are_json(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        response = await connection.request("PUT", "/user", b"{")
        assert (response.status, response.json()["code"]) == (400, 3)
        assert response.json()["details"][0]["reason"] == "MALFORMED_REQUEST"
        response = await connection.request("PUT", "/user", bytes(5 * 1024 * 1024))
        assert (response.status, response.json()["code"]) == (413, 8)
        response = await connection.request("GET", "/nowhere")
        assert response.json()["details"][0]["reason"] == "UNKNOWN_PATH"


async def test_drops_unread_response(door: FrontDoor, authority: Authority) -> None:
    def dropped() -> bool:
        stats = door.admin("/stats?format=json&filter=^http3.tx_flush_timeout$")["stats"]
        return any(each["value"] for each in stats)

    async with connected(door.port, authority.root) as connection:
        connection.open_no_windows()
        body = b'{"ids": ["2048000"]}'
        reading = asyncio.create_task(connection.request("POST", "/users", body))
        await eventually(dropped)
        reading.cancel()


async def test_serves_grpc(door: FrontDoor, authority: Authority) -> None:
    message = user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString()
    async with connected(door.port, authority.root) as connection:
        response = await connection.request(
            "POST",
            "/gymlocker.v2.UserService/GetUser",
            framed(message),
            content_type="application/grpc",
            te="trailers",
        )
    assert response.headers["grpc-status"] == "0"
    assert user_pb2.GetUserResponse.FromString(response.body[5:]).id == "abc"


def framed(message: bytes) -> bytes:
    """Return the message as an uncompressed gRPC frame."""
    return b"\0" + len(message).to_bytes(4, "big") + message


async def test_tickets_do_not_allow_early_data(door: FrontDoor, authority: Authority) -> None:
    """Early data (0-RTT) could be replayed."""
    tickets = asyncio.Queue[SessionTicket]()
    async with connected(door.port, authority.root, tickets.put_nowait):
        ticket = await tickets.get()
    assert ticket.max_early_data_size is None


async def test_limits_connections(authority: Authority) -> None:
    """The global connection limit does not count QUIC."""
    authority.issue(authority.folder)
    with front_door(
        certificate=certificate_in(authority.folder),
        changes={"max_connections: 10000": "max_connections: 1"},
    ) as own_door:
        refused = partial(counted, own_door, "connection_limit.front_door.limited_connections")
        async with connected(own_door.port, authority.root) as first:
            assert (await first.request("GET", "/user/abc")).status == 200
            assert refused() == 0
            second = asyncio.create_task(connect_and_get(own_door, authority))
            await eventually(lambda: refused() == 1)
            second.cancel()
            await asyncio.wait([second])
            assert (await first.request("GET", "/user/abc")).status == 200


async def connect_and_get(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        await connection.request("GET", "/user/abc")


def counted(door: FrontDoor, name: str) -> int:
    """Return one of Envoy's counters."""
    [found] = door.admin(f"/stats?format=json&filter=^{name}$")["stats"]
    return int(found["value"])


async def test_reloads_renewed_certificate(authority: Authority, tmp_path: Path) -> None:
    before = authority.issue(tmp_path)
    with front_door(certificate=certificate_in(tmp_path)) as own_door:

        async def is_shown(number: int) -> bool:
            async with connected(own_door.port, authority.root) as connection:
                return connection.certificate.serial_number == number

        assert await is_shown(before)
        after = authority.issue(tmp_path)
        await eventually_true(partial(is_shown, after))


def test_is_disabled_without_certificate() -> None:
    found = listeners("127.0.0.1", 8080, None, http3=True, unread_seconds=30)
    assert [one["NAME"] for one in found] == ["front_door"]
    assert headers(None, 8080) == []


def test_taken_port_disables_http3() -> None:
    reports: list[str] = []
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        assert http3_port("127.0.0.1", port, reports.append) is None
    assert len(reports) == 1 and str(port) in reports[0]
    assert http3_port("127.0.0.1", port, reports.append) == port
    tls = Path("/run/certificate.yaml")
    assert len(listeners("127.0.0.1", port, tls, http3=False, unread_seconds=30)) == 1
    assert [each["header"]["key"] for each in headers(tls, None)] == ["strict-transport-security"]

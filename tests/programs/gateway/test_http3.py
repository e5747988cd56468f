"""HTTP/3 at the front door: the same as by TCP, where it is told of."""

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
from tests.support.waiting import eventually, eventually_true

from .authority import Authority
from .http3 import connected
from .processes import FrontDoor, front_door


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def certificate_in(folder: Path) -> Certificate:
    return Certificate(folder / "chain.pem", folder / "key.pem")


@pytest.fixture(scope="module")
def door(authority: Authority) -> Iterator[FrontDoor]:
    authority.written(authority.folder)
    with front_door(certificate=certificate_in(authority.folder), unread_seconds=2) as door:
        yield door


async def test_rest_goes_through_it(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        reply = await connection.request("GET", "/user/abc")
        assert (reply.status, reply.json()["id"]) == (200, "abc")
        assert reply.headers["strict-transport-security"] == "max-age=63072000"
        reply = await connection.request("PUT", "/user", b'{"id": "abc"}')
        assert (reply.status, reply.json()) == (200, {})
    assert door.logged(reply.headers["x-request-id"])["protocol"] == "HTTP/3"


async def test_errors_are_the_same_json(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        reply = await connection.request("PUT", "/user", b"{")
        assert (reply.status, reply.json()["code"]) == (400, 3)
        assert reply.json()["details"][0]["reason"] == "MALFORMED_REQUEST"
        reply = await connection.request("PUT", "/user", bytes(5 * 1024 * 1024))
        assert (reply.status, reply.json()["code"]) == (413, 8)
        reply = await connection.request("GET", "/nowhere")
        assert reply.json()["details"][0]["reason"] == "UNKNOWN_PATH"


async def test_an_unread_reply_is_given_up(door: FrontDoor, authority: Authority) -> None:
    def given_up() -> bool:
        stats = door.admin("/stats?format=json&filter=^http3.tx_flush_timeout$")["stats"]
        return any(each["value"] for each in stats)

    async with connected(door.port, authority.root) as connection:
        connection.open_no_windows()
        body = b'{"ids": ["2048000"]}'
        reading = asyncio.create_task(connection.request("POST", "/users", body))
        await eventually(given_up)
        reading.cancel()


async def test_grpc_goes_through_it(door: FrontDoor, authority: Authority) -> None:
    message = user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString()
    async with connected(door.port, authority.root) as connection:
        reply = await connection.request(
            "POST",
            "/gymlocker.v2.UserService/GetUser",
            framed(message),
            content_type="application/grpc",
            te="trailers",
        )
    assert reply.headers["grpc-status"] == "0"
    assert user_pb2.GetUserResponse.FromString(reply.body[5:]).id == "abc"


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it, not compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


async def test_a_call_cannot_be_repeated_by_who_overhears_it(
    door: FrontDoor, authority: Authority
) -> None:
    """No ticket allows data before the handshake (0-RTT)."""
    tickets = asyncio.Queue[SessionTicket]()
    async with connected(door.port, authority.root, tickets.put_nowait):
        ticket = await tickets.get()
    assert ticket.max_early_data_size is None


async def test_connections_are_bounded(authority: Authority) -> None:
    """Which the limit of TCP does not do."""
    authority.written(authority.folder)
    with front_door(
        certificate=certificate_in(authority.folder),
        changes={"max_connections: 10000": "max_connections: 1"},
    ) as own_door:
        refused = partial(counted, own_door, "connection_limit.front_door.limited_connections")
        async with connected(own_door.port, authority.root) as first:
            assert (await first.request("GET", "/user/abc")).status == 200
            assert refused() == 0
            second = asyncio.create_task(come_and_ask(own_door, authority))
            await eventually(lambda: refused() == 1)
            second.cancel()
            await asyncio.wait([second])
            assert (await first.request("GET", "/user/abc")).status == 200


async def come_and_ask(door: FrontDoor, authority: Authority) -> None:
    async with connected(door.port, authority.root) as connection:
        await connection.request("GET", "/user/abc")


def counted(door: FrontDoor, name: str) -> int:
    """A figure of Envoy's."""
    [found] = door.admin(f"/stats?format=json&filter=^{name}$")["stats"]
    return int(found["value"])


async def test_a_certificate_is_renewed_while_it_runs(authority: Authority, tmp_path: Path) -> None:
    before = authority.written(tmp_path)
    with front_door(certificate=certificate_in(tmp_path)) as own_door:

        async def is_shown(number: int) -> bool:
            async with connected(own_door.port, authority.root) as connection:
                return connection.certificate.serial_number == number

        assert await is_shown(before)
        after = authority.written(tmp_path)
        await eventually_true(partial(is_shown, after))


def test_without_a_certificate_there_is_none() -> None:
    found = listeners("127.0.0.1", 8080, None, http3=True, unread_seconds=30)
    assert [one["NAME"] for one in found] == ["front_door"]
    assert headers(None, 8080) == []


def test_a_port_that_is_taken_is_done_without() -> None:
    said: list[str] = []
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert http3_port("127.0.0.1", port, said.append) is None
    assert len(said) == 1 and str(port) in said[0]
    assert http3_port("127.0.0.1", port, said.append) == port
    tls = Path("/run/certificate.yaml")
    assert len(listeners("127.0.0.1", port, tls, http3=False, unread_seconds=30)) == 1
    assert [each["header"]["key"] for each in headers(tls, None)] == ["strict-transport-security"]

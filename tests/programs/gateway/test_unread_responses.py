"""Unread responses: they end, and do not block other clients."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from gymlocker.v2 import user_pb2

from tests.support.unreading_clients import (
    UnreadingClient,
    WindowlessConnection,
    framed,
    grpc_headers,
)
from tests.support.waiting import eventually

from .processes import FrontDoor, front_door

PICTURE = "2048000"
MANY = 40
BODY = json.dumps({"ids": [PICTURE]}).encode()
HEADERS = {"content-type": "application/json", "content-length": str(len(BODY))}
OVER_GRPC = framed(user_pb2.GetUsersRequest(ids=[PICTURE]).SerializeToString())


@pytest.fixture(scope="module")
def impatient() -> Iterator[FrontDoor]:
    """A front door that drops unread responses after a second."""
    with front_door(unread_seconds=1) as running:
        yield running


async def test_drops_unread_response_over_http1(impatient: FrontDoor) -> None:
    total, active = (f"http.front_door.downstream_cx_http1_{name}" for name in ("total", "active"))
    before, open_before = impatient.figure(total), impatient.figure(active)
    lines = [f"{name}: {value}" for name, value in {"host": "x", **HEADERS}.items()]
    request = "\r\n".join(["POST /users HTTP/1.1", *lines, "", ""]).encode() + BODY
    readers = [UnreadingClient(impatient.port, request) for _ in range(3)]
    await eventually(lambda: impatient.figure(total) == before + len(readers))
    await eventually(lambda: impatient.figure(active) == open_before)
    for reader in readers:
        reader.close()


async def test_drops_unread_json_response_over_http2(impatient: FrontDoor) -> None:
    headers = {":method": "POST", ":scheme": "http", ":path": "/users", ":authority": "x"}
    async with WindowlessConnection(impatient.port) as connection:
        streams = {await connection.request(headers | HEADERS, BODY) for _ in range(3)}
        await eventually(lambda: connection.reset == streams)


async def test_keeps_slow_reader_of_grpc(impatient: FrontDoor) -> None:
    async with WindowlessConnection(impatient.port) as connection:
        stream = await connection.request(
            grpc_headers("/gymlocker.v2.UserService/GetUsers"), OVER_GRPC
        )
        for part in range(1, 9):
            await connection.open_window(stream, 65_536)
            await eventually(lambda size=part * 65_536: connection.received[stream] == size)  # type: ignore[misc]
            await asyncio.sleep(0.3)  # the pause makes the reader slow
        assert not connection.reset


async def test_unread_responses_do_not_block_others(door: FrontDoor) -> None:
    async with WindowlessConnection(door.port) as connection:
        path = grpc_headers("/gymlocker.v2.UserService/GetUsers")
        streams = {await connection.request(path, OVER_GRPC) for _ in range(MANY)}
        await eventually(lambda: connection.begun == streams)
        read = await asyncio.to_thread(door.client.post, "/users", json={"ids": [PICTURE]})
        assert len(read.content) > int(PICTURE)

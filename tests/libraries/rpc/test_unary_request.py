"""Calls whose request ends before its message: rejected at once, logged, and not kept in flight."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import grpc
import httpx2
import pytest
from gymlocker.v2 import system_pb2

from server.libraries.network.grpc_protocol import HEALTH_CHECK_PATH
from server.programs.worker.contract import served_methods
from tests.programs.gateway.assertions import grpc_error
from tests.support.stack import Stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.extended

BODIES = {"empty": b"", "half a header": b"\0\0\0", "a length that lies": b"\0\0\0\0\5ab"}
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
# Not accessible from outside.
CLOSED = {"/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"}
# Other methods with request streams authenticate their callers before they read.
PATHS = [
    REFLECTION,
    *(path for path, method in served_methods().items() if not method.streams_requests),
]
GET_HEALTH = "/gymlocker.v2.SystemService/GetHealth"
# Otherwise channels to the same address share a connection.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
# More than Envoy admits at once.
MANY = 1100
OTHER_ADDRESS = "127.0.0.33"
GET_USERS = "/gymlocker.v2.UserService/GetUsers"
USERS = {"ids": [str(UUID(int=0))]}


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx2.Client]:
    """Return a client of HTTP/1.1, which can send any body."""
    with httpx2.Client(base_url=stack.url, timeout=30, verify=False) as client:
        yield client


def raw(message: bytes) -> bytes:
    """Return the message unchanged, as a serializer."""
    return message


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "kind", ["application/grpc", "application/grpc-web", "application/grpc-web-text"]
)
def test_rejects_an_incomplete_request(client: httpx2.Client, kind: str, body: bytes) -> None:
    content = base64.b64encode(body) if kind.endswith("text") else body
    for path in PATHS:
        response = client.post(path, content=content, headers={"content-type": kind})
        error = (12, "UNKNOWN_PATH") if path in CLOSED else (3, "INVALID_REQUEST")
        assert grpc_error(response.headers) == error, path


async def test_rejects_an_incomplete_request_over_http2(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.address) as channel:
        for path in PATHS:
            call: Any = channel.stream_unary(path, raw, raw)(timeout=30)
            await call.done_writing()
            code = "UNIMPLEMENTED" if path in CLOSED else "INVALID_ARGUMENT"
            assert (await call.code()).name == code, path


@pytest.mark.parametrize("path", [GET_HEALTH, HEALTH_CHECK_PATH, REFLECTION])
async def test_logs_an_incomplete_request(stack: Stack, client: httpx2.Client, path: str) -> None:
    request_id = str(uuid4())
    headers = {"content-type": "application/grpc", "x-request-id": request_id}
    client.post(path, headers=headers)
    line = f'"method":"{path}","code":"INVALID_ARGUMENT"'

    def logged() -> bool:
        return any(line in each and request_id in each for each in stack.logs().splitlines())

    await eventually(logged)


def test_ignores_a_second_message(client: httpx2.Client) -> None:
    headers = {"content-type": "application/grpc-web"}
    response = client.post(GET_HEALTH, content=b"\0\0\0\0\0" * 2, headers=headers)
    assert b"grpc-status:0" in response.content


def test_rejects_an_incomplete_request_of_an_unknown_method(client: httpx2.Client) -> None:
    headers = {"content-type": "application/grpc"}
    for path in ("/gymlocker.v2.UserService/No", "/gymlocker.v2.No/GetUser", "/no.No/No"):
        assert grpc_error(client.post(path, headers=headers).headers) == (12, "UNKNOWN_PATH")


async def test_many_incomplete_requests_do_not_block_other_clients(stack: Stack) -> None:
    async with AsyncExitStack() as resources:
        # A connection may have 100 streams.
        channels = [
            await resources.enter_async_context(
                grpc.aio.insecure_channel(stack.address, OWN_CONNECTION)
            )
            for _ in range(MANY // 100)
        ]

        async def incomplete(number: int) -> str:
            channel = channels[number % len(channels)]
            call: Any = channel.stream_unary(GET_USERS, raw, raw)(timeout=60)
            await call.done_writing()
            return str((await call.code()).name)

        incomplete_calls = asyncio.gather(*map(incomplete, range(MANY)))
        transport = httpx2.AsyncHTTPTransport(local_address=OTHER_ADDRESS, verify=False)
        async with httpx2.AsyncClient(
            base_url=stack.url, timeout=30, transport=transport
        ) as client:
            statuses = []
            while not incomplete_calls.done():
                statuses.append((await client.get("/health")).status_code)
                statuses.append((await client.post("/users", json=USERS)).status_code)
        assert statuses
        assert set(statuses) == {200}
        # Some may exceed the limit of their address for a moment. grpc.aio's client reports errors
        # of its own as INTERNAL: see tests/support/streams.py.
        assert set(await incomplete_calls) - {"RESOURCE_EXHAUSTED", "INTERNAL"} == {
            "INVALID_ARGUMENT"
        }
        get_health = channels[0].unary_unary(GET_HEALTH, raw, raw)
        assert await get_health(system_pb2.GetHealthRequest().SerializeToString())

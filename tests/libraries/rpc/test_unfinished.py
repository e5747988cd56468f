"""Calls whose request ends before its message does: answered at once, logged, and no place kept."""

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

from server.programs.worker.contract import served_methods
from tests.programs.gateway.assertions import grpc_error
from tests.support.stack import Stack
from tests.support.waiting import eventually

BODIES = {"empty": b"", "half a header": b"\0\0\0", "a length that lies": b"\0\0\0\0\5ab"}
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
# Those that nobody may call from outside.
CLOSED = {"/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"}
# What takes a stream asks who calls before it reads.
PATHS = [
    REFLECTION,
    *(path for path, method in served_methods().items() if not method.streams_requests),
]
GET_HEALTH = "/gymlocker.v2.SystemService/GetHealth"
# Channels to the same address share one otherwise.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
# More than Envoy lets through at once.
CROWD = 1100
ELSEWHERE = "127.0.0.33"
GET_USERS = "/gymlocker.v2.UserService/GetUsers"
USERS = {"ids": [str(UUID(int=0))]}


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx2.Client]:
    """HTTP/1.1, over which anything can be sent."""
    with httpx2.Client(base_url=stack.url, timeout=30, verify=False) as client:
        yield client


def as_it_is(message: bytes) -> bytes:
    """Leave a message in bytes."""
    return message


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "kind", ["application/grpc", "application/grpc-web", "application/grpc-web-text"]
)
def test_every_method_answers(client: httpx2.Client, kind: str, body: bytes) -> None:
    content = base64.b64encode(body) if kind.endswith("text") else body
    for path in PATHS:
        reply = client.post(path, content=content, headers={"content-type": kind})
        error = (12, "UNKNOWN_PATH") if path in CLOSED else (3, "INVALID_REQUEST")
        assert grpc_error(reply.headers) == error, path


async def test_every_method_answers_over_http2(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.address) as channel:
        for path in PATHS:
            call: Any = channel.stream_unary(path, as_it_is, as_it_is)(timeout=30)
            await call.done_writing()
            code = "UNIMPLEMENTED" if path in CLOSED else "INVALID_ARGUMENT"
            assert (await call.code()).name == code, path


@pytest.mark.parametrize("path", [GET_HEALTH, HEALTH_CHECK, REFLECTION])
async def test_it_is_logged(stack: Stack, client: httpx2.Client, path: str) -> None:
    request_id = str(uuid4())
    headers = {"content-type": "application/grpc", "x-request-id": request_id}
    client.post(path, headers=headers)
    line = f'"method":"{path}","code":"INVALID_ARGUMENT"'

    def logged() -> bool:
        return any(line in each and request_id in each for each in stack.logs().splitlines())

    await eventually(logged)


def test_a_second_message_is_not_read(client: httpx2.Client) -> None:
    headers = {"content-type": "application/grpc-web"}
    reply = client.post(GET_HEALTH, content=b"\0\0\0\0\0" * 2, headers=headers)
    assert b"grpc-status:0" in reply.content


def test_an_unknown_method_is_refused_as_all_others_are(client: httpx2.Client) -> None:
    headers = {"content-type": "application/grpc"}
    for path in ("/gymlocker.v2.UserService/No", "/gymlocker.v2.No/GetUser", "/no.No/No"):
        assert grpc_error(client.post(path, headers=headers).headers) == (12, "UNKNOWN_PATH")


async def test_a_crowd_of_them_keeps_no_place(stack: Stack) -> None:
    async with AsyncExitStack() as resources:
        # A connection has room for 100.
        channels = [
            await resources.enter_async_context(
                grpc.aio.insecure_channel(stack.address, OWN_CONNECTION)
            )
            for _ in range(CROWD // 100)
        ]

        async def unfinished(number: int) -> str:
            channel = channels[number % len(channels)]
            call: Any = channel.stream_unary(GET_USERS, as_it_is, as_it_is)(timeout=60)
            await call.done_writing()
            return str((await call.code()).name)

        crowd = asyncio.gather(*map(unfinished, range(CROWD)))
        transport = httpx2.AsyncHTTPTransport(local_address=ELSEWHERE, verify=False)
        async with httpx2.AsyncClient(
            base_url=stack.url, timeout=30, transport=transport
        ) as client:
            answers = []
            while not crowd.done():
                answers.append((await client.get("/health")).status_code)
                answers.append((await client.post("/users", json=USERS)).status_code)
        assert answers
        assert set(answers) == {200}
        # Some may find the share of their address taken, for a moment. What grpc.aio's client takes
        # for a failure of its own is INTERNAL: see tests/streams.py.
        assert set(await crowd) - {"RESOURCE_EXHAUSTED", "INTERNAL"} == {"INVALID_ARGUMENT"}
        get_health = channels[0].unary_unary(GET_HEALTH, as_it_is, as_it_is)
        assert await get_health(system_pb2.GetHealthRequest().SerializeToString())

"""Invalid messages and methods over gRPC: always a client error."""

from collections.abc import AsyncIterator

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode, aio

from tests.support.client import Client, event_of, follow, item_of
from tests.support.stack import Stack

pytestmark = pytest.mark.extended


@pytest.fixture
async def channel(stack: Stack) -> AsyncIterator[aio.Channel]:
    """A gRPC channel without message types."""
    async with aio.insecure_channel(stack.address) as channel:
        yield channel


async def code_of(channel: aio.Channel, path: str, request: bytes) -> StatusCode:
    """Return the status of a call with these bytes as its request."""
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        await call(request, timeout=30)
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


@pytest.mark.parametrize(
    "request_bytes",
    [b"\xff\xff\xff", b"\x0a\x02\xff\xfe", b"\x0a\x05x", b"\x0a\x03\xed\xa0\x80", b"\x0b", b"\0"],
    ids=["garbage", "invalid UTF-8", "cut off", "half a character", "an open group", "field 0"],
)
async def test_malformed_message_is_invalid_argument(
    channel: aio.Channel, request_bytes: bytes
) -> None:
    for method in ("UserService/GetUser", "EventService/PutEvent", "ShareService/GetSharedItem"):
        code = await code_of(channel, f"/gymlocker.v2.{method}", request_bytes)
        assert code == StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "path",
    [
        "/gymlocker.v2.UserService/Nothing",
        "/gymlocker.v2.Nothing/GetUser",
        "/gymlocker.v3.UserService/GetUser",
        "/nothing",
        "/",
    ],
)
async def test_unknown_method_is_unimplemented(channel: aio.Channel, path: str) -> None:
    assert await code_of(channel, path, b"") == StatusCode.UNIMPLEMENTED


async def test_oversized_message_is_resource_exhausted(channel: aio.Channel) -> None:
    code = await code_of(channel, "/gymlocker.v2.UserService/UpdateUser", bytes(5_000_000))
    assert code == StatusCode.RESOURCE_EXHAUSTED


INVALID_TIMESTAMPS = [
    Timestamp(seconds=-62135596801),
    Timestamp(seconds=253402300800),
    Timestamp(seconds=2**63 - 1),
    Timestamp(seconds=-(2**63)),
    Timestamp(seconds=1, nanos=-1),
    Timestamp(seconds=1, nanos=1_000_000_000),
    Timestamp(seconds=253402300799, nanos=2**31 - 1),
]


async def test_timestamp_out_of_range_is_invalid_argument(channel: aio.Channel) -> None:
    client = Client(channel)
    user = await client.new_user()
    for wrong in INVALID_TIMESTAMPS:
        event, item = event_of(user), item_of(user)
        event.expiry.CopyFrom(wrong)
        item.expiry.CopyFrom(wrong)
        for call in (
            client.events.PutEvent(event),
            client.feed(follow(user.id, "secret", wrong)),
            client.shares.CreateSharedItem(item),
        ):
            with pytest.raises(aio.AioRpcError) as error:
                await call
            assert error.value.code() == StatusCode.INVALID_ARGUMENT, wrong

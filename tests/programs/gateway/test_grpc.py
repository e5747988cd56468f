"""gRPC and gRPC-Web through the front door."""

import base64
import struct
from contextlib import AsyncExitStack
from typing import Any

import grpc
import httpx2
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from gymlocker.v2 import user_pb2

from .processes import FrontDoor, as_it_is, call, front_door, unary

GET_USER = "/gymlocker.v2.UserService/GetUser"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
# As in envoy.yaml.
MAX_STREAMS = 100
FEW_STREAMS = {
    "{priority: HIGH, max_connections: 1024, max_pending_requests: 8192, max_requests: 8192}": (
        "{priority: HIGH, max_connections: 1024, max_pending_requests: 8192, max_requests: 100}"
    )
}
# By default, channels to the same address share a connection.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


def frame(message: bytes) -> bytes:
    """Return the message as a gRPC frame."""
    return struct.pack(">BI", 0, len(message)) + message


def frames(body: bytes) -> list[tuple[int, bytes]]:
    """Split a body into its frames, pairs of flags and content."""
    found = []
    while body:
        flags, size = struct.unpack(">BI", body[:5])
        found.append((flags, body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def test_call_returns_response(channel: grpc.Channel) -> None:
    assert call(channel, "GetUser", user_pb2.GetUserRequest(id_or_lookup="abc")).id == "abc"


def test_error_keeps_details_and_metadata(channel: grpc.Channel) -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="fail:RESOURCE_EXHAUSTED")
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "GetUser", request)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers: dict[str, Any] = dict(error.trailing_metadata())
    assert trailers["retry-after"] == "7"
    info = ErrorInfo()
    Status.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("AS_TOLD", "gymlocker")


@pytest.mark.parametrize(
    "path",
    [
        "/gymlocker.v2.UserService/Nothing",
        "/gymlocker.v2.Nothing/GetUser",
        "/nothing.Nothing/Nothing",
        "/user/abc",
    ],
)
def test_unknown_method_is_unimplemented(channel: grpc.Channel, path: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, path)(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "{" not in str(caught.value.details())


def test_escaped_path_is_invalid_argument(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel, "/gymlocker.v2.UserService%2FGetUser")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_rejects_oversized_message(channel: grpc.Channel) -> None:
    request = user_pb2.UpdateUserRequest(encrypted_name=bytes(5_000_000))
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "UpdateUser", request)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_accepts_profile_at_its_limits(channel: grpc.Channel) -> None:
    request = user_pb2.UpdateUserRequest(
        encrypted_profile_picture=bytes(2048000), encrypted_current_plan=bytes(15360)
    )
    assert call(channel, "UpdateUser", request) == user_pb2.UpdateUserResponse()


def test_delivers_response_of_64_mebibytes(channel: grpc.Channel) -> None:
    response = call(channel, "GetUsers", user_pb2.GetUsersRequest(ids=["2097152"] * 32))
    assert response.ByteSize() > 64 * 1024 * 1024


def test_envoy_does_not_compress_responses(channel: grpc.Channel) -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="a" * 5000)
    metadata = (("accept-encoding", "gzip"),)
    invoke = unary(channel, GET_USER)
    body, running = invoke.with_call(request.SerializeToString(), metadata=metadata, timeout=10)
    assert user_pb2.GetUserResponse.FromString(body).id == "a" * 5000
    assert "content-encoding" not in dict(running.initial_metadata())


def test_health_supports_check_but_not_watch(channel: grpc.Channel) -> None:
    check = unary(channel, "/grpc.health.v1.Health/Check")
    response = health_pb2.HealthCheckResponse.FromString(check(b"", timeout=10))
    assert response.status == health_pb2.HealthCheckResponse.SERVING
    # A watch would occupy a stream without limit.
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", as_it_is, as_it_is)
    with pytest.raises(grpc.RpcError) as caught:
        next(iter(watch(b"", timeout=10)))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_open_streams_do_not_block_calls() -> None:
    """Open as many streams as the limit allows, and one more."""
    request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    async with AsyncExitStack() as stack:
        # Not the shared front door: all its streams would be in use.
        target = stack.enter_context(front_door(changes=FEW_STREAMS)).target
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(target, OWN_CONNECTION))
            for _ in range(2)
        ]
        streams: list[Any] = []
        for number in range(MAX_STREAMS + 1):
            # A connection allows 100 streams.
            channel = channels[number // 95]
            streams.append(channel.stream_stream(REFLECTION, as_it_is, as_it_is)())
            if number < MAX_STREAMS:
                await streams[-1].write(request)
                assert await streams[-1].read()
        assert await streams[-1].code() == grpc.StatusCode.UNAVAILABLE
        get_user = channels[0].unary_unary(GET_USER, as_it_is, as_it_is)
        assert await get_user(user_pb2.GetUserRequest(id_or_lookup="a").SerializeToString())


def test_reflection_lists_services(channel: grpc.Channel) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    responses = channel.stream_stream(REFLECTION, as_it_is, as_it_is)(
        iter([request.SerializeToString()]), timeout=10
    )
    response = reflection_pb2.ServerReflectionResponse.FromString(next(iter(responses)))
    names = {service.name for service in response.list_services_response.service}
    assert "gymlocker.v2.UserService" in names


@pytest.mark.parametrize("content_type", ["application/grpc-web", "application/grpc-web+proto"])
def test_grpc_web_returns_response(client: httpx2.Client, content_type: str) -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString()
    headers = {"content-type": content_type, "x-grpc-web": "1"}
    response = client.post(GET_USER, content=frame(request), headers=headers)
    assert response.status_code == 200
    (data, message), (trailer, trailers) = frames(response.content)
    assert (data, trailer) == (0, 0x80)
    assert user_pb2.GetUserResponse.FromString(message).id == "abc"
    assert b"grpc-status:0\r\n" in trailers


def test_grpc_web_text_returns_response(client: httpx2.Client) -> None:
    request = frame(user_pb2.GetUserRequest(id_or_lookup="abc").SerializeToString())
    kind = "application/grpc-web-text"
    headers = {"content-type": kind, "accept": kind}
    response = client.post(GET_USER, content=base64.b64encode(request), headers=headers)
    # Two parts of base64, each with its own padding: the message and the trailers.
    first = base64.b64decode(response.text)
    assert user_pb2.GetUserResponse.FromString(frames(first)[0][1]).id == "abc"


def test_grpc_web_returns_errors(client: httpx2.Client) -> None:
    request = frame(user_pb2.GetUserRequest(id_or_lookup="fail:NOT_FOUND").SerializeToString())
    headers = {"content-type": "application/grpc-web+proto"}
    response = client.post(GET_USER, content=request, headers=headers)
    assert (response.headers["grpc-status"], response.headers["retry-after"]) == ("5", "7")
    assert base64.b64decode(response.headers["grpc-status-details-bin"] + "==")
    unknown = client.post("/nothing.Nothing/Nothing", content=request, headers=headers)
    assert unknown.headers["grpc-status"] == "12"
    assert "{" not in unknown.headers["grpc-message"]


def test_returns_request_id(door: FrontDoor, channel: grpc.Channel) -> None:
    request = user_pb2.GetUserRequest(id_or_lookup="identify:").SerializeToString()
    metadata = (("x-request-id", "mine"),)
    _, running = unary(channel, GET_USER).with_call(request, metadata=metadata, timeout=10)
    ids = [value for name, value in running.initial_metadata() if name == "x-request-id"]
    assert ids == ["mine"]

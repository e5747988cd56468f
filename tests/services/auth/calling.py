"""Calls of any method of the contract, including streams."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode, aio
from gymlocker.v2 import options_pb2

from server.programs.demo.transport import Metadata
from tests.support.client import contract_methods
from tests.support.streams import answered

WATCHES = {"WatchEvents", "WatchInbox"}
PASSWORD = options_pb2.Authentication.SCHEME_PASSWORD
ACCESS_TOKEN = options_pb2.Authentication.SCHEME_ACCESS_TOKEN


def authentication_of(method: MethodDescriptor) -> options_pb2.Authentication:
    """Return the authentication option of a method."""
    found: options_pb2.Authentication = method.GetOptions().Extensions[options_pb2.authentication]
    return found


def methods_with(*schemes: int) -> list[MethodDescriptor]:
    """Return the methods with one of the authentication schemes."""
    return [method for method in contract_methods() if authentication_of(method).scheme in schemes]


def watches(method: MethodDescriptor) -> bool:
    """Check whether calls of a method wait for changes, for as long as their client stays."""
    return method.name in WATCHES


def empty_request(method: MethodDescriptor) -> Message:
    """Return an empty request of a method."""
    return GetMessageClass(method.input_type)()


async def responses_of(
    channel: aio.Channel, method: MethodDescriptor, request: Message, metadata: Metadata = ()
) -> list[Any]:
    """Call `method` and return its responses. A request stream contains only `request`.

    A call that waits for changes is cancelled after its first response.
    """
    make_call: Any = _stub_kind(channel, method)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )

    async def once() -> list[Any]:
        requests = _only(request) if method.client_streaming else request
        call = make_call(requests, metadata=aio.Metadata(*metadata), timeout=30)
        if watches(method):
            first = await call.read()
            call.cancel()
            return [first]
        if method.server_streaming:
            return [response async for response in call]
        return [await call]

    return await answered(once)


async def code_of(
    channel: aio.Channel, method: MethodDescriptor, request: Message, metadata: Metadata = ()
) -> StatusCode:
    """Return the status of a call."""
    try:
        await responses_of(channel, method, request, metadata)
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


def _stub_kind(channel: aio.Channel, method: MethodDescriptor) -> Any:
    requests = "stream" if method.client_streaming else "unary"
    responses = "stream" if method.server_streaming else "unary"
    return getattr(channel, f"{requests}_{responses}")


async def _only(request: Message) -> AsyncIterator[Message]:
    yield request

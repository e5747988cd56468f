"""Transports that make a call over gRPC or over REST/JSON and raise the same errors.

A method is identified by its descriptor. For typed calls, pass a transport to the generated stubs,
which only need a channel that can create calls:

    events = EventServiceStub(channel_over(transport))
    response = await events.GetEvents(request)          # mypy infers GetEventsResponse
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol, cast

import grpc
import httpx2
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from server.libraries.network.channel import error_status, open_channel
from server.programs.demo import binding

Metadata = Sequence[tuple[str, str]]

DEFAULT_TIMEOUT = 30.0

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
# The mapping that gRPC prescribes to clients, for bodies other than google.rpc.Status:
# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_CODES_OF_HTTP = {
    400: grpc.StatusCode.INTERNAL,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.UNIMPLEMENTED,
    429: grpc.StatusCode.UNAVAILABLE,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.UNAVAILABLE,
}


class CallError(Exception):
    """A call that did not end with OK.

    `code` and `message` are those of the status. `details` is the complete status, including the
    typed details that the server added (google.rpc.ErrorInfo and the like).
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, details: status_pb2.Status | None = None
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.details = details or status_pb2.Status(code=code.value[0], message=message)


class Unreachable(CallError):
    """A REST call without any HTTP response; its code is UNAVAILABLE."""

    def __init__(self, message: str) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, message)


class Transport(Protocol):
    """A protocol over which calls are made."""

    async def call(
        self, method: MethodDescriptor, request: Message, *, metadata: Metadata = ()
    ) -> Message:
        """Make a unary call. `metadata` becomes HTTP headers. Raise CallError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class GrpcTransport:
    """Calls over gRPC: unencrypted for `http://`, TLS for `https://`."""

    def __init__(self, url: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._timeout = timeout
        self._channel = open_channel(url)

    async def call(
        self, method: MethodDescriptor, request: Message, *, metadata: Metadata = ()
    ) -> Message:
        """Make a unary call. Raise CallError."""
        invoke: aio.UnaryUnaryMultiCallable[Message, Message] = self._channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=_serialize,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        try:
            return await invoke(request, timeout=self._timeout, metadata=aio.Metadata(*metadata))
        except aio.AioRpcError as error:
            raise grpc_error(error) from error

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


class RestTransport:
    """Calls over REST/JSON, on the paths with `/v2` (`versioned`) or without it.

    Tests replace the network by passing a `transport`.
    """

    def __init__(
        self,
        url: str,
        *,
        versioned: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._versioned = versioned
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=timeout,
            transport=transport,
            # Loading the system's certificates takes longer than many unencrypted calls.
            verify=url.startswith("https:"),
        )

    async def call(
        self, method: MethodDescriptor, request: Message, *, metadata: Metadata = ()
    ) -> Message:
        """Make a call. Raise CallError; raise LookupError if the method has no such path."""
        rule = binding.choose(method, request, versioned=self._versioned)
        http_request = binding.bind(rule, request)
        try:
            response = await self._client.request(
                http_request.verb,
                http_request.path,
                params=http_request.query or None,
                json=http_request.body,
                headers=list(metadata),
            )
        except httpx2.TransportError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        if not response.is_success:
            raise rest_error(response)
        return _parse(response, GetMessageClass(method.output_type)(), rule.response_body)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def channel_over(transport: Transport) -> aio.Channel:
    """Adapt a transport to the channel interface of the generated stubs; unary methods only."""
    return cast(aio.Channel, _StubChannel(transport))


class _StubChannel:
    """The part of the channel interface that a stub uses in its constructor."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def unary_unary(self, path: str, **_: Any) -> Callable[..., Awaitable[Message]]:
        # The stub also passes serializers, which each transport replaces with its own.
        full_name = path.removeprefix("/").replace("/", ".")
        method = descriptor_pool.Default().FindMethodByName(full_name)
        return partial(self._transport.call, method)

    def _stream(self, path: str, **_: Any) -> Callable[..., NoReturn]:
        def call(*_: object, **__: object) -> NoReturn:
            raise NotImplementedError(f"{path} is a streaming method: call it over a gRPC channel")

        return call

    unary_stream = stream_unary = stream_stream = _stream


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def grpc_error(error: aio.AioRpcError) -> CallError:
    """Return the CallError for a failed gRPC call."""
    return CallError(error.code(), error.details() or "", error_status(error))


def rest_error(response: httpx2.Response) -> CallError:
    """Return the CallError for an HTTP response that is not successful."""
    status = status_pb2.Status()
    try:
        # This pool contains google/rpc/error_details.proto, the types of the details.
        pool = error_details_pb2.DESCRIPTOR.pool
        json_format.Parse(
            response.content, status, ignore_unknown_fields=True, descriptor_pool=pool
        )
    except (json_format.ParseError, UnicodeDecodeError):
        status = status_pb2.Status()
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    if status.code:
        return CallError(code, status.message, status)
    fallback = _CODES_OF_HTTP.get(response.status_code, grpc.StatusCode.UNKNOWN)
    return CallError(fallback, f"HTTP {response.status_code} {response.reason_phrase}".strip())


def _parse(response: httpx2.Response, message: Message, response_body: str) -> Message:
    """Parse a JSON response; `response_body` names the field that forms the whole body."""
    content = response.content
    if response_body:
        name = message.DESCRIPTOR.fields_by_name[response_body].json_name
        content = b'{"%s": %s}' % (name.encode(), content)
    try:
        return json_format.Parse(content, message, ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        text = f"the response is not the JSON of a {message.DESCRIPTOR.name}"
        raise CallError(grpc.StatusCode.INTERNAL, text) from error

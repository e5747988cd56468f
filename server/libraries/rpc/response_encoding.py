"""Encoding of responses; large ones are counted until they are read."""

from collections.abc import Awaitable, Mapping
from typing import Any, cast

from google.protobuf.message import Message

from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.large_responses import COUNTED_BYTES, LargeResponses, overloaded
from server.libraries.rpc.method import Method


class ResponseEncodingInterceptor(Interceptor):
    """Encodes each unary response, so that the message is freed while the client reads the bytes.

    Streams have flow control: they wait for the client after each message.
    """

    returns_bytes = True

    def __init__(self, methods: Mapping[str, Method], large_responses: LargeResponses) -> None:
        super().__init__(methods)
        self._large_responses = large_responses

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Start a call when its network has read enough, and count its response."""
        if method.streams_responses:

            async def stream(request: Any, context: Context) -> Any:
                return await call_next(request, cast(Context, EncodingContext(context)))

            return stream
        responses, has_side_effects = self._large_responses, method.has_side_effects

        async def encode(request: Any, context: Context) -> bytes:
            if responses.are_unread():
                await responses.wait_for_room(context)
            data = _encoded(await call_next(request, context))
            # A call that changed something can no longer be rejected.
            if len(data) < COUNTED_BYTES or responses.hold(
                context, len(data), always=has_side_effects
            ):
                return data
            # Otherwise the traceback of the error would keep the bytes until the error is read.
            del data
            raise overloaded()

        return encode


class EncodingContext:
    """A context that also takes encoded messages, which many streams may share."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._write = context.write

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of gRPC's context."""
        return getattr(self._context, name)

    def write(self, message: Message | bytes) -> Awaitable[None]:
        """Write a message to the stream."""
        return self._write(message if isinstance(message, bytes) else _encoded(message))


def _encoded(response: Message) -> bytes:
    return response.SerializeToString()

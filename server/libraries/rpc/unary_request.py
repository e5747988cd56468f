"""Reading of a unary request's message, in place of grpc.aio.

grpc.aio reads it before the handler runs. If no complete message arrives, it returns without a
status or a log line, and the client waits until a timeout.
"""

from typing import Any

import grpc

from server.errors import InvalidArgument
from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method


class UnaryRequestInterceptor(Interceptor):
    """Reads the message of each unary request; further messages are not read."""

    takes_streams = True

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Reject calls whose request ends before its message is complete."""
        if method.streams_requests:
            return call_next

        async def read(_: Any, context: Context) -> Any:
            request = await context.read()
            if request is grpc.aio.EOF:
                raise missing_message()
            return await call_next(request, context)

        return read


def missing_message() -> InvalidArgument:
    """Return the error for a request that ended before its first message was complete."""
    return InvalidArgument(
        "The request contains no complete message. Send one frame of the length in its header.",
        violations=[],
    )

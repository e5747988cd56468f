"""The one message of a unary request, read by ourselves.

grpc.aio reads it before it runs a handler, and where no whole message comes, it returns without a
status: the caller waits until somebody's time is up, and nobody hears of it.
"""

from typing import Any

import grpc

from server.errors import InvalidArgument
from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method


class ReceivingInterceptor(Interceptor):
    """Reads the request of each call that has to have one; a second one is not read."""

    takes_streams = True

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Refuses calls whose request ends before a message does."""
        if method.streams_requests:
            return call_next

        async def receive(_: Any, context: Context) -> Any:
            request = await context.read()
            if request is grpc.aio.EOF:
                raise no_message()
            return await call_next(request, context)

        return receive


def no_message() -> InvalidArgument:
    """The error for a request that ended before its first message did."""
    return InvalidArgument(
        "The request holds no whole message. Send one frame with the length that it says.",
        violations=[],
    )

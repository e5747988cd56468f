"""The base of the interceptors.

grpc.aio shows an interceptor only a call's metadata. To see requests, replies and errors, ours
wrap the handler, once for each method; later calls of the method get the wrapped one at once. A
call passes a coroutine for each that has something to do for its method, and no more.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from inspect import isasyncgenfunction
from typing import Any, TypeAlias, cast

import grpc

from server.libraries.rpc.context import Context, current_metadata
from server.libraries.rpc.method import UNKNOWN, Method

CallNext = Callable[[Any, Context], Awaitable[Any]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

# By whether requests and replies are streams.
_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


class Interceptor(grpc.aio.ServerInterceptor, ABC):
    """Surrounds the calls of `methods`; all others are one method, `UNKNOWN`."""

    # Whether what surrounds a handler is given the request's bytes instead of a message.
    takes_bytes = False
    # Whether it is given an iterator of requests even where there is to be one.
    takes_streams = False
    # Whether what surrounds a handler returns the reply's bytes instead of a message.
    gives_bytes = False

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._wrapped: dict[str, Handler] = {}

    @abstractmethod
    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """What handles the calls of `method`: `proceed` itself if there is nothing to do for them.

        `proceed(request, context)` goes on and returns the reply. Where requests are a stream,
        `request` is an asynchronous iterator of them. Where replies are a stream, `proceed` sends
        them all and returns None.
        """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Returns the handler of the call, wrapped."""
        # In the task that handles the call.
        current_metadata.set(handler_call_details.invocation_metadata or ())
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        # Not kept under a path that a caller made up, of which there is no end.
        method = self._methods.get(path, UNKNOWN)
        return self._wrapped.setdefault(method.path, self._wrap_handler(handler, method))

    def _wrap_handler(self, handler: Handler, method: Method) -> Handler:
        requests, replies = bool(handler.request_streaming), bool(handler.response_streaming)
        name, _ = _KINDS[requests, replies]
        inner = _as_coroutine(getattr(handler, name))
        behaviour = self.wrap(method, inner)
        if behaviour is inner:
            return handler
        _, make_handler = _KINDS[requests or self.takes_streams, replies]
        return make_handler(
            # The stubs type handlers for grpc without asyncio.
            cast(Any, behaviour),
            request_deserializer=None if self.takes_bytes else handler.request_deserializer,
            response_serializer=None if self.gives_bytes else handler.response_serializer,
        )


def _as_coroutine(behaviour: Any) -> CallNext:
    """A handler that yields its replies, as one that writes them."""
    if not isasyncgenfunction(behaviour):
        return cast(CallNext, behaviour)

    async def write_all(request: Any, context: Context) -> None:
        # Closed at once when the caller hangs up, and with it all that it holds.
        async with aclosing(behaviour(request, context)) as replies:
            async for reply in replies:
                await context.write(reply)

    return write_all

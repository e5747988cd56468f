"""The base class of interceptors.

grpc.aio passes only a call's metadata to an interceptor. To handle requests, responses and errors,
ours wrap the handler. They do so once for each method, and later calls reuse the wrapped handler.
An interceptor that has nothing to do for a method adds no coroutine to its calls.
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

# By whether requests and responses are streams.
_KINDS: dict[tuple[bool, bool], tuple[str, Callable[..., Handler]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


class Interceptor(grpc.aio.ServerInterceptor, ABC):
    """Wraps the calls of `methods`. All other calls count as one method, `UNKNOWN`."""

    # The wrapper takes the encoded request instead of a message.
    takes_bytes = False
    # The wrapper takes an iterator of requests, even for a unary request.
    takes_streams = False
    # The wrapper returns the encoded response instead of a message.
    returns_bytes = False

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._wrapped: dict[str, Handler] = {}

    @abstractmethod
    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Return the handler of `method`: `call_next` itself if there is nothing to do.

        `call_next(request, context)` returns the response. If requests are a stream, `request` is
        an asynchronous iterator. If responses are a stream, `call_next` sends them and returns
        None.
        """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Return the wrapped handler of the call."""
        # This runs in the task of the call.
        current_metadata.set(handler_call_details.invocation_metadata or ())
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        # Stored by the method's path: paths invented by clients must not fill the memory.
        method = self._methods.get(path, UNKNOWN)
        return self._wrapped.setdefault(method.path, self._wrap_handler(handler, method))

    def _wrap_handler(self, handler: Handler, method: Method) -> Handler:
        requests, responses = bool(handler.request_streaming), bool(handler.response_streaming)
        name, _ = _KINDS[requests, responses]
        inner = _as_coroutine(getattr(handler, name))
        behavior = self.wrap(method, inner)
        if behavior is inner:
            return handler
        _, make_handler = _KINDS[requests or self.takes_streams, responses]
        return make_handler(
            # The type stubs describe handlers of synchronous grpc.
            cast(Any, behavior),
            request_deserializer=None if self.takes_bytes else handler.request_deserializer,
            response_serializer=None if self.returns_bytes else handler.response_serializer,
        )


def _as_coroutine(behavior: Any) -> CallNext:
    """Adapt a handler that yields responses to one that writes them."""
    if not isasyncgenfunction(behavior):
        return cast(CallNext, behavior)

    async def write_all(request: Any, context: Context) -> None:
        # Closed as soon as the client disconnects, to free its resources.
        async with aclosing(behavior(request, context)) as responses:
            async for response in responses:
                await context.write(response)

    return write_all

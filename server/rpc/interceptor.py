"""The base of the interceptors.

grpc.aio shows an interceptor only a call's metadata. To see requests, replies and errors, ours
wrap the handler, once for each method; later calls of the method get the wrapped one at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

import grpc

from server.rpc.method import Method

Context = grpc.aio.ServicerContext[Any, Any]
Proceed = Callable[[Any], Awaitable[Any]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Interceptor(grpc.aio.ServerInterceptor, ABC):
    """Surrounds the calls of `methods`; lets others (health, reflection) pass."""

    # Whether `intercept` is given the request's bytes instead of a message.
    takes_bytes = False

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._wrapped: dict[str, Handler] = {}

    @abstractmethod
    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Handles one call: `proceed(request)` goes on and returns the reply."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Returns the handler of the call, wrapped."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        method = self._methods.get(path)
        if handler is None or method is None:
            return handler
        return self._wrapped.setdefault(path, self._wrap(handler, method))

    def _wrap(self, handler: Handler, method: Method) -> Handler:
        # The stubs type handlers for grpc without asyncio.
        inner: Any = handler.unary_unary
        if inner is None:
            raise NotImplementedError(f"{method.path} streams, which no interceptor handles yet")

        async def behaviour(request: Any, context: Context) -> Any:
            async def proceed(request: Any) -> Any:
                return await inner(request, context)

            return await self.intercept(method, request, context, proceed)

        return grpc.unary_unary_rpc_method_handler(
            cast(Any, behaviour),
            request_deserializer=None if self.takes_bytes else handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

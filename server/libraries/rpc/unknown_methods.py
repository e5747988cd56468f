"""Handling of unknown methods: an error with a reason, a log line and a metric.

grpc.aio's own response has none of these.
"""

from typing import Any, NoReturn

import grpc

from server.errors import UnknownMethod
from server.libraries.rpc.context import Context


class UnknownMethods(grpc.GenericRpcHandler):
    """Handles every path without a registered handler."""

    def service(self, _: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler that rejects the call."""
        return _HANDLER


async def _reject(_requests: Any, _context: Context) -> NoReturn:
    raise UnknownMethod("There is no such path or method.", reason="UNKNOWN_PATH")


# It takes a stream, so that it does not wait for a message.
_HANDLER: "grpc.RpcMethodHandler[Any, Any]" = grpc.stream_unary_rpc_method_handler(_reject)

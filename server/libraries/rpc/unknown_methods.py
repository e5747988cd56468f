"""Methods that are not served, answered like all others: with a reason, a line and a count.

grpc.aio's own answer has none of these.
"""

from typing import Any, NoReturn

import grpc

from server.errors import UnknownMethod
from server.libraries.rpc.context import Context


class UnknownMethods(grpc.GenericRpcHandler):
    """Handles every path that no servicer registered a handler for."""

    def service(self, _: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler that refuses the call."""
        return _REFUSAL


async def _refuse(_requests: Any, _context: Context) -> NoReturn:
    raise UnknownMethod("There is no such path or method.", reason="UNKNOWN_PATH")


# Of a stream, so that no message is waited for.
_REFUSAL: "grpc.RpcMethodHandler[Any, Any]" = grpc.stream_unary_rpc_method_handler(_refuse)

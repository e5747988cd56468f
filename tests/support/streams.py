"""Request streams with grpc.aio's client.

The client may treat a response that arrives while it is still sending as an internal error. The
server's status is lost then.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from grpc import aio

Response = TypeVar("Response")

_CLIENT_ERROR = "Internal error from Core"


async def answered(call: Callable[[], Awaitable[Response]]) -> Response:
    """Repeat a call until the server ends it; return the response or raise AioRpcError."""
    while True:
        try:
            return await call()
        except aio.AioRpcError as error:
            if error.details() != _CLIENT_ERROR:
                raise

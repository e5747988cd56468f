"""Streams of requests over grpc.aio's client.

An answer that comes while it is still sending, it may take for a failure of its own: it then knows
nothing of the server's status.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from grpc import aio

Reply = TypeVar("Reply")

_ITS_OWN = "Internal error from Core"


async def answered(call: Callable[[], Awaitable[Reply]]) -> Reply:
    """Makes a call until its end is the server's; returns the reply, or raises AioRpcError."""
    while True:
        try:
            return await call()
        except aio.AioRpcError as error:
            if error.details() != _ITS_OWN:
                raise

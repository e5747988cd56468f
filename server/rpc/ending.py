"""How a call ended, and how long it took: what the log, the metrics and the traces say of it."""

import time
from collections.abc import Callable
from typing import Any

import grpc

from server.rpc.interceptor import Context

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class Watched:
    """Surrounds a call; tells `ended` its status and how many seconds it took."""

    __slots__ = ("_context", "_ended", "_started")

    def __init__(self, context: Context, ended: Callable[[grpc.StatusCode, float], None]) -> None:
        self._context = context
        self._ended = ended
        self._started = time.perf_counter()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        seconds = time.perf_counter() - self._started
        if kind is None:
            self._ended(grpc.StatusCode.OK, seconds)
        elif issubclass(kind, grpc.aio.AbortError):
            self._ended(_code(self._context.code()), seconds)
        else:
            self._ended(grpc.StatusCode.CANCELLED, seconds)


def _code(code: Any) -> grpc.StatusCode:
    """A status code, which grpc.aio gives as a number or as an enum member."""
    return code if isinstance(code, grpc.StatusCode) else _CODES[code]

"""How a call ended, and how long it took: what the log, the metrics and the traces say of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from server.rpc.interceptor import Context

_CODES = {code.value[0]: code for code in grpc.StatusCode}


@contextmanager
def watched(context: Context, ended: Callable[[grpc.StatusCode, float], None]) -> Iterator[None]:
    """Surrounds a call; tells `ended` its status and how many seconds it took."""
    started = time.perf_counter()
    code = grpc.StatusCode.CANCELLED
    try:
        yield
        code = grpc.StatusCode.OK
    except grpc.aio.AbortError:
        code = _code(context.code())
        raise
    finally:
        ended(code, time.perf_counter() - started)


def _code(code: Any) -> grpc.StatusCode:
    """A status code, which grpc.aio gives as a number or as an enum member."""
    return code if isinstance(code, grpc.StatusCode) else _CODES[code]

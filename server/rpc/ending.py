"""How a call ended: what the log, the metrics and the traces say of it."""

from typing import Any

import grpc

from server.rpc.interceptor import Context

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def status_of(context: Context, error: BaseException) -> grpc.StatusCode:
    """The status of a call that `error` ended: what it was aborted with, else CANCELLED."""
    if isinstance(error, grpc.aio.AbortError):
        return _code(context.code())
    return grpc.StatusCode.CANCELLED


def _code(code: Any) -> grpc.StatusCode:
    """A status code, which grpc.aio gives as a number or as an enum member."""
    return code if isinstance(code, grpc.StatusCode) else _CODES[code]

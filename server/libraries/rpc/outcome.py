"""How a call ended: what the log, the metrics and the traces say of it."""

from collections.abc import Callable
from typing import Any

import grpc

from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext

_CODES = {code.value[0]: code for code in grpc.StatusCode}


async def observe(
    call_next: CallNext, request: Any, context: Context, ended: Callable[[grpc.StatusCode], None]
) -> Any:
    """Goes on with a call, and tells `ended` the status that it ended with."""
    code = grpc.StatusCode.OK
    try:
        return await call_next(request, context)
    except BaseException as error:
        code = _status_after(context, error)
        raise
    finally:
        ended(code)


def _status_after(context: Context, error: BaseException) -> grpc.StatusCode:
    """What the call was aborted with, else CANCELLED."""
    if not isinstance(error, grpc.aio.AbortError):
        return grpc.StatusCode.CANCELLED
    # Which grpc.aio gives as a number or as an enum member.
    code: Any = context.code()
    return code if isinstance(code, grpc.StatusCode) else _CODES[code]

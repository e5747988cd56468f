"""The final status of a call, for the log, the metrics and the traces."""

from collections.abc import Callable
from typing import Any

import grpc

from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext

_CODES = {code.value[0]: code for code in grpc.StatusCode}


async def observe(
    call_next: CallNext, request: Any, context: Context, ended: Callable[[grpc.StatusCode], None]
) -> Any:
    """Run a call and pass its final status to `ended`."""
    code = grpc.StatusCode.OK
    try:
        return await call_next(request, context)
    except BaseException as error:
        code = _status_after(context, error)
        raise
    finally:
        ended(code)


def _status_after(context: Context, error: BaseException) -> grpc.StatusCode:
    """Return the status of an aborted call, else CANCELLED."""
    if not isinstance(error, grpc.aio.AbortError):
        return grpc.StatusCode.CANCELLED
    # grpc.aio returns a number or an enum member.
    code: Any = context.code()
    return code if isinstance(code, grpc.StatusCode) else _CODES[code]

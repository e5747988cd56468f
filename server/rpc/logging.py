"""One line a call: which method, how it ended, how long it took. Never what was said in it."""

import time
from typing import Any

import grpc
import structlog

from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method
from server.rpc.request_id import METADATA_KEY, current_request_id, request_id_of

_log = structlog.get_logger("call")
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class LoggingInterceptor(Interceptor):
    """Gives the call its request id, echoes it in the trailing metadata and logs the call."""

    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Logs one call."""
        request_id = request_id_of(context)
        current_request_id.set(request_id)
        context.set_trailing_metadata(((METADATA_KEY, request_id),))
        started = time.perf_counter()
        code = "CANCELLED"
        try:
            reply = await proceed(request)
            code = "OK"
            return reply
        except grpc.aio.AbortError:
            code = _name(context.code())
            raise
        finally:
            _log.info(
                "call",
                method=method.path,
                code=code,
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
                request_id=request_id,
            )


def _name(code: Any) -> str:
    """The name of a status code, which grpc.aio gives as a number or as an enum member."""
    return code.name if isinstance(code, grpc.StatusCode) else _CODES.get(code, str(code))

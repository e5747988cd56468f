"""One line a call: which method, how it ended, how long it took. Never what was said in it."""

from typing import Any

import grpc
import structlog

from server.rpc.ending import watched
from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method
from server.rpc.request_id import METADATA_KEY, current_request_id, request_id_of

_log = structlog.get_logger("call")


class LoggingInterceptor(Interceptor):
    """Gives the call its request id, echoes it in the trailing metadata and logs the call."""

    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Logs one call."""
        request_id = request_id_of(context)
        current_request_id.set(request_id)
        context.set_trailing_metadata(((METADATA_KEY, request_id),))

        def ended(code: grpc.StatusCode, seconds: float) -> None:
            _log.info(
                "call",
                method=method.path,
                code=code.name,
                milliseconds=round(seconds * 1000, 3),
                request_id=request_id,
            )

        with watched(context, ended):
            return await proceed(request)

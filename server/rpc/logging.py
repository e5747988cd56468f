"""One line a call: which method, how it ended, how long it took. Never what was said in it."""

from collections.abc import Mapping
from typing import Any

import grpc
import structlog

from server.rpc.ending import Watched
from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method
from server.rpc.request_id import METADATA_KEY, current_request_id, new_request_id, request_id_in


class LoggingInterceptor(Interceptor):
    """Logs the call, under the request id that it has; else under one that the caller is told."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        super().__init__(methods)
        # Bound once, not by every call.
        self._log = structlog.get_logger("call").bind()

    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Logs one call."""
        request_id = request_id_in(context)
        if request_id is None:
            request_id = new_request_id()
            context.set_trailing_metadata(((METADATA_KEY, request_id),))
        current_request_id.set(request_id)

        def ended(code: grpc.StatusCode, seconds: float) -> None:
            self._log.info(
                "call",
                method=method.path,
                code=code.name,
                milliseconds=round(seconds * 1000, 3),
                request_id=request_id,
            )

        with Watched(context, ended):
            return await proceed(request, context)

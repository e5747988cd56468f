"""Access log: a line for each call with its method, status and duration, without its content."""

import time
from collections.abc import Mapping
from typing import Any

import grpc
import structlog

from server.libraries.network.grpc_protocol import HEALTH_CHECK_PATH
from server.libraries.rpc.context import Context, current_request_id, given_request_id
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import observe
from server.libraries.rpc.request_id import new_request_id


class LoggingInterceptor(Interceptor):
    """Logs each call and sets its request id: the client's, or a new one."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        super().__init__(methods)
        # Bound once, not for every call.
        self._log = structlog.get_logger("call").bind()

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Log each call when it ends, except successful health checks: Envoy sends many."""
        info, path = self._log.info, method.path
        is_health_check = path == HEALTH_CHECK_PATH

        async def log(request: Any, context: Context) -> Any:
            request_id = given_request_id() or new_request_id()
            current_request_id.set(request_id)
            began = time.perf_counter()

            def ended(code: grpc.StatusCode) -> None:
                if is_health_check and code is grpc.StatusCode.OK:
                    return
                info(
                    "call",
                    method=path,
                    code=code.name,
                    milliseconds=round((time.perf_counter() - began) * 1_000, 3),
                    request_id=request_id,
                )

            return await observe(call_next, request, context, ended)

        return log

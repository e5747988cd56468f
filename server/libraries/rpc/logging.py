"""One line a call: which method, how it ended, how long it took. Never what was said in it."""

import time
from collections.abc import Mapping
from typing import Any

import grpc
import structlog

from server.libraries.rpc.context import (
    Context,
    current_request_id,
    given_request_id,
    new_request_id,
)
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import observe

# Envoy asks it every second: a line each would bury all others.
HEALTH_CHECK = "/grpc.health.v1.Health/Check"


class LoggingInterceptor(Interceptor):
    """Logs the call, under the request id that it has, else under one that errors tell."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        super().__init__(methods)
        # Bound once, not by every call.
        self._log = structlog.get_logger("call").bind()

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Logs each call when it has ended."""
        info, path = self._log.info, method.path
        routine = path == HEALTH_CHECK

        async def log(request: Any, context: Context) -> Any:
            request_id = given_request_id() or new_request_id()
            current_request_id.set(request_id)
            began = time.perf_counter()

            def ended(code: grpc.StatusCode) -> None:
                if routine and code is grpc.StatusCode.OK:
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

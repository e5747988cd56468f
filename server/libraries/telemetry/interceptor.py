"""Counts and times every call."""

from collections.abc import Mapping
from typing import Any

import grpc

from server.libraries.rpc.interceptor import Context, Interceptor, Proceed
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import watched
from server.libraries.telemetry.worker_metrics import WorkerMetrics


class MetricsInterceptor(Interceptor):
    """Counts calls by method and status, how long they take and how many are under way."""

    def __init__(self, methods: Mapping[str, Method], metrics: WorkerMetrics) -> None:
        super().__init__(methods)
        self._metrics = metrics

    def surround(self, method: Method, proceed: Proceed) -> Proceed:
        """Measures each call."""
        name = method.path.removeprefix("/")
        calls = self._metrics.calls
        call_seconds = self._metrics.call_seconds.labels(name)
        under_way = self._metrics.calls_under_way.labels(name)

        def ended(code: grpc.StatusCode) -> None:
            calls.labels(name, code.name).inc()

        async def measure(request: Any, context: Context) -> Any:
            with under_way.track_inprogress(), call_seconds.time():
                return await watched(proceed, request, context, ended)

        return measure

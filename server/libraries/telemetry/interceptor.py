"""Metrics of calls."""

from collections.abc import Mapping
from typing import Any

import grpc

from server.libraries.rpc.context import Context
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import observe
from server.libraries.telemetry.worker_metrics import WorkerMetrics


class MetricsInterceptor(Interceptor):
    """Records calls by method and status, their duration and those in flight."""

    def __init__(self, methods: Mapping[str, Method], metrics: WorkerMetrics) -> None:
        super().__init__(methods)
        self._metrics = metrics

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Measure each call."""
        name = method.path.removeprefix("/")
        calls = self._metrics.calls
        call_seconds = self._metrics.call_seconds.labels(name)
        in_flight = self._metrics.calls_in_flight.labels(name)

        def ended(code: grpc.StatusCode) -> None:
            calls.labels(name, code.name).inc()

        async def measure(request: Any, context: Context) -> Any:
            with in_flight.track_inprogress(), call_seconds.time():
                return await observe(call_next, request, context, ended)

        return measure

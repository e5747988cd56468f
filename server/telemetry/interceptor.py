"""Counts and times every call."""

from collections.abc import Mapping
from typing import Any

import grpc

from server.rpc.ending import Watched
from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method
from server.telemetry.metrics import WorkerMetrics


class MetricsInterceptor(Interceptor):
    """Counts calls by method and status, how long they take and how many are under way."""

    def __init__(self, methods: Mapping[str, Method], metrics: WorkerMetrics) -> None:
        super().__init__(methods)
        self._metrics = metrics

    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Measures one call."""
        metrics, name = self._metrics, method.path.removeprefix("/")

        def ended(code: grpc.StatusCode, seconds: float) -> None:
            metrics.calls.labels(name, code.name).inc()
            metrics.call_seconds.labels(name).observe(seconds)

        with metrics.calls_under_way.labels(name).track_inprogress(), Watched(context, ended):
            return await proceed(request, context)

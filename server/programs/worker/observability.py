"""Interceptors for metrics and traces, if these are enabled."""

from contextlib import AsyncExitStack

from server.libraries.rpc.interceptor import Interceptor
from server.libraries.settings import Settings
from server.libraries.telemetry.interceptor import MetricsInterceptor
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.contract import contract_methods, served_methods


async def observers(
    settings: Settings, metrics: WorkerMetrics | None, resources: AsyncExitStack
) -> list[Interceptor]:
    """Return the interceptors, the outermost first; `metrics` is None if they are disabled."""
    found: list[Interceptor] = []
    if metrics:
        found.append(MetricsInterceptor(served_methods(), metrics))
    if settings.otel_exporter_otlp_endpoint:
        # Imported only if there is a collector: the library is large.
        from server.libraries.telemetry.tracing import TracingInterceptor, tracing

        tracer = await resources.enter_async_context(tracing("gymlocker"))
        found.append(TracingInterceptor(contract_methods(), tracer))
    return found

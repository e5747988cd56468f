"""Who looks at every call: as many as there is somebody to tell."""

from contextlib import AsyncExitStack

from server.libraries.rpc.interceptor import Interceptor
from server.libraries.settings import Settings
from server.libraries.telemetry.interceptor import MetricsInterceptor
from server.libraries.telemetry.worker_metrics import WorkerMetrics
from server.programs.worker.contract import contract_methods, served_methods


async def observers(
    settings: Settings, metrics: WorkerMetrics | None, stack: AsyncExitStack
) -> list[Interceptor]:
    """The outermost first; `metrics` is None if nobody reads them.

    `stack` gets what is to be closed.
    """
    found: list[Interceptor] = []
    if metrics:
        found.append(MetricsInterceptor(served_methods(), metrics))
    if settings.otel_exporter_otlp_endpoint:
        # Loaded only where there is somebody to tell: the library is large.
        from server.libraries.telemetry.tracing import TracingInterceptor, tracing

        tracer = await stack.enter_async_context(tracing("gymlocker"))
        found.append(TracingInterceptor(contract_methods(), tracer))
    return found

"""Traces: a span for each call, exported to the collector at OTEL_EXPORTER_OTLP_ENDPOINT.

OpenTelemetry's own interceptor would export the client's address, so this one replaces it. The
library is large and imported only if there is a collector.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import grpc
from opentelemetry.context import Context as TraceContext
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.libraries.network.grpc_protocol import TRACE_PARENT_KEY
from server.libraries.rpc.context import Context, current_request_id, values_of
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import observe

# For the export of the last spans when the process stops.
SHUTDOWN_TIMEOUT_SECONDS = 2.0

_propagator = TraceContextTextMapPropagator()
# Server errors by OpenTelemetry's conventions; other codes are client errors.
_SERVER_ERRORS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}


@asynccontextmanager
async def tracing(service_name: str) -> AsyncIterator[Tracer]:
    """Yield a tracer that exports spans in the background to the collector in the environment.

    OpenTelemetry's other variables apply as well; OTEL_SERVICE_NAME overrides `service_name`.
    """
    resource = Resource.create(
        {
            SERVICE_NAME: os.environ.get(OTEL_SERVICE_NAME, service_name),
            SERVICE_VERSION: version("gymlocker"),
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider.get_tracer("gymlocker")
    finally:
        # In a daemon thread, which cannot block the exit: the collector may hang.
        shutdown = threading.Thread(target=provider.shutdown, daemon=True)
        shutdown.start()
        await asyncio.to_thread(shutdown.join, SHUTDOWN_TIMEOUT_SECONDS)


class TracingInterceptor(Interceptor):
    """Creates a span for each call, as a child of the client's span if it sends one."""

    def __init__(self, methods: Mapping[str, Method], tracer: Tracer) -> None:
        super().__init__(methods)
        self._tracer = tracer

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Trace each call."""
        name = method.path.removeprefix("/")
        service, _, rpc = name.partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": rpc}

        async def trace(request: Any, context: Context) -> Any:
            span = self._tracer.start_span(
                name,
                _parent(),
                SpanKind.SERVER,
                {**attributes, "gymlocker.request_id": current_request_id.get()},
            )

            def ended(code: grpc.StatusCode) -> None:
                span.set_attribute("rpc.grpc.status_code", code.value[0])
                if code in _SERVER_ERRORS:
                    span.set_status(StatusCode.ERROR)
                span.end()

            return await observe(call_next, request, context, ended)

        return trace


def _parent() -> TraceContext:
    """Return the client's span, without its trace state, which may hold arbitrary data."""
    return _propagator.extract({TRACE_PARENT_KEY: values_of(TRACE_PARENT_KEY)}, TraceContext())

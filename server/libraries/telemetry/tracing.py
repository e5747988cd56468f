"""Traces: a span for each call, sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names.

OpenTelemetry's own interceptor would tell the collector the caller's address, so this is ours. The
library is large, and loaded only where there is a collector.
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

from server.libraries.rpc.context import Context, current_request_id, values_of
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method
from server.libraries.rpc.outcome import observe

# How long a process that ends waits for the collector to take the last spans.
SHUTDOWN_TIMEOUT_SECONDS = 2.0
PARENT_KEY = "traceparent"

_propagator = TraceContextTextMapPropagator()
# By the conventions of OpenTelemetry, the others are the caller's doing.
_OUR_FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}


@asynccontextmanager
async def tracing(service_name: str) -> AsyncIterator[Tracer]:
    """A tracer whose spans are sent in the background, to a collector that the environment names.

    All other variables of OpenTelemetry count too, OTEL_SERVICE_NAME before `service_name`.
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
        # A thread that nobody has to wait for: the collector may hang.
        farewell = threading.Thread(target=provider.shutdown, daemon=True)
        farewell.start()
        await asyncio.to_thread(farewell.join, SHUTDOWN_TIMEOUT_SECONDS)


class TracingInterceptor(Interceptor):
    """Makes a span of each call, a child of the caller's if there is one."""

    def __init__(self, methods: Mapping[str, Method], tracer: Tracer) -> None:
        super().__init__(methods)
        self._tracer = tracer

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Traces each call."""
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
                if code in _OUR_FAULTS:
                    span.set_status(StatusCode.ERROR)
                span.end()

            return await observe(call_next, request, context, ended)

        return trace


def _parent() -> TraceContext:
    """The caller's span. Of what callers say of a trace, its state may be anything, and is left."""
    return _propagator.extract({PARENT_KEY: values_of(PARENT_KEY)}, TraceContext())

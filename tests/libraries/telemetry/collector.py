"""A fake OpenTelemetry collector that records what it receives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from tests.programs.gateway.processes import eventually


class Collector:
    """Received spans. Exporters wait for a response until `answers` is set."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers = threading.Event()
        self.answers.set()
        self.bodies: list[bytes] = []
        self.paths: list[str] = []

    @property
    def resources(self) -> list[ResourceSpans]:
        """Return all spans by resource."""
        return [
            spans
            for body in list(self.bodies)
            for spans in ExportTraceServiceRequest.FromString(body).resource_spans
        ]

    @property
    def spans(self) -> list[Span]:
        """Return all spans."""
        return [span for one in self.resources for scope in one.scope_spans for span in scope.spans]

    def span(self, request_id: str) -> Span:
        """Wait for the span of a call and return it."""

        def found() -> Span | None:
            known = (s for s in self.spans if attributes(s)["gymlocker.request_id"] == request_id)
            return next(known, None)

        span = eventually(found, f"the span of {request_id}")
        assert isinstance(span, Span)
        return span


def attributes(span: Span) -> dict[str, Any]:
    """Return the attributes of a span."""
    values = {pair.key: pair.value for pair in span.attributes}
    return {key: getattr(value, value.WhichOneof("value") or "") for key, value in values.items()}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.paths.append(self.path)
            collector.bodies.append(body)
            collector.answers.wait(30)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector = Collector(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            collector.answers.set()
            server.shutdown()
            thread.join()

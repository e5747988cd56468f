"""Lets Prometheus read a registry, at an address of its own.

A thread answers, so that a process whose event loop is stuck can still be asked why.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from server.errors import StartError
from server.libraries.network.address import metrics_address

_log = structlog.get_logger("metrics")


@contextmanager
def serve_metrics(registry: CollectorRegistry, address: str) -> Iterator[None]:
    """Answers `GET /metrics` at `address` (host:port; port 0 is any) while the context lasts.

    In the text format, or in that of OpenMetrics for who asks for it. Raises StartError.
    """
    host, port = metrics_address(address)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise StartError(
            f"Cannot listen on {address}: it is taken or not an address of this machine. "
            "Give another one with --metrics, as host:port."
        ) from error
    _log.info("metrics", port=server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The HTTP endpoint at which Prometheus scrapes a registry.

It runs in a thread, so that a process whose event loop is blocked still serves metrics.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from server.libraries.network.address import cannot_listen, metrics_address

_log = structlog.get_logger("metrics")


@contextmanager
def serve_metrics(registry: CollectorRegistry, address: str) -> Iterator[None]:
    """Serve `GET /metrics` at `address` (host:port; port 0 picks one) while the context lasts.

    The format is Prometheus' text, or OpenMetrics if the client accepts it. Raises StartError.
    """
    host, port = metrics_address(address)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise cannot_listen(address, "--metrics", "host:port") from error
    _log.info("serving_metrics", port=server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

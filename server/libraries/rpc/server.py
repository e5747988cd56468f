"""The gRPC server of a worker: options, listening, background jobs and shutdown."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection

from server.libraries.common.signals import stop_signal
from server.libraries.network.address import cannot_listen, in_use
from server.libraries.network.grpc_tls import server_credentials
from server.libraries.network.tls import Identity
from server.libraries.rpc.unknown_methods import UnknownMethods

Background: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

# The largest request is UpdateUser's: a picture of 2,000 KiB and other fields.
MAX_REQUEST_BYTES = 4 * 1024 * 1024
# Envoy accepts 32 KiB of headers, at most 100. gRPC adds 32 bytes for each, and the path may be
# repeated. Between a soft and a hard limit, gRPC would reject at random, so both are the same.
MAX_METADATA_BYTES = 128 * 1024
STOP_GRACE_SECONDS = 5
# Envoy's limit on calls of all clients, and on streams: see envoy.yaml.
MAX_IN_FLIGHT = 8192
OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    # No HPACK table, which all calls of a connection share: gRPC stores parse errors of headers in
    # it and then rejects calls of other clients. (Envoy's hpack_table_size also covers responses,
    # and gRPC's own error responses ignore it.)
    ("grpc.http2.hpack_table_size.decoder", 0),
    # Otherwise gRPC takes ever more of a stream that the worker reads slowly: up to 16 MiB.
    ("grpc.http2.bdp_probe", 0),
    # Calls waiting for Python. Beyond these limits gRPC drops calls without a status, so they are
    # above Envoy's.
    ("grpc.server.max_pending_requests", 2 * MAX_IN_FLIGHT),
    ("grpc.server.max_pending_requests_hard_limit", 4 * MAX_IN_FLIGHT),
    # A port in use is an error. It must not become a second server that gets half of the calls.
    ("grpc.so_reuseport", 0),
)

_log = structlog.get_logger("main")


def make_server(*interceptors: grpc.aio.ServerInterceptor) -> grpc.aio.Server:
    """Return a server whose calls pass through `interceptors`, the outermost first."""
    return grpc.aio.server(
        # Methods registered by servicers take precedence.
        handlers=[UnknownMethods()],
        interceptors=interceptors,
        options=OPTIONS,
    )


def add_reflection(server: grpc.aio.Server, services: Sequence[ServiceDescriptor]) -> None:
    """Let grpcurl and other tools list the services."""
    names = [service.full_name for service in services]
    reflection.enable_server_reflection(
        (*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server
    )


async def run(
    server: grpc.aio.Server,
    health_servicer: health.aio.HealthServicer,
    background: Sequence[Background],
    *,
    drain_seconds: float,
    beside: AbstractAsyncContextManager[None],
    before_stop: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    `before_stop` ends calls that would not end by themselves.
    SIGTERM drains: clients have `drain_seconds` to notice the health status. SIGINT stops at once.
    Calls in flight have STOP_GRACE_SECONDS to finish in both cases. `beside` is entered when the
    server accepts calls and left before it stops.
    """
    await server.start()
    async with beside:
        tasks = [asyncio.create_task(work()) for work in background]
        await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving")
        received = await _stop_signal(tasks)
        _log.info("stopping", signal=received.name)
        await health_servicer.enter_graceful_shutdown()
        if received is signal.SIGTERM:
            await asyncio.sleep(drain_seconds)
        before_stop()
    await server.stop(STOP_GRACE_SECONDS)
    await _cancel(tasks)


def bind(server: grpc.aio.Server, listen: str, identity: Identity | None = None) -> None:
    """Listen on host:port or unix:path. Raises StartError if the address is in use.

    With an identity, only mutual TLS is accepted.
    """
    if in_use(listen):
        raise cannot_listen(listen, "--listen")
    try:
        if identity:
            server.add_secure_port(listen, server_credentials(identity))
        else:
            server.add_insecure_port(listen)
    except RuntimeError:
        raise cannot_listen(listen, "--listen") from None


async def _stop_signal(tasks: list[asyncio.Task[None]]) -> signal.Signals:
    """Return the first stop signal. Raises the error of a background task that fails before."""
    received = stop_signal()
    waiting: list[asyncio.Future[Any]] = [received, *tasks]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    return await received


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task

"""A worker's life: where it listens, what goes on beside the calls, and how it stops."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection

from server.errors import StartError
from server.libraries.network.address import in_use
from server.libraries.network.grpc_tls import server_credentials
from server.libraries.network.tls import Identity
from server.libraries.rpc.unknown_methods import UnknownMethods

Background: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

# The largest request is UpdateUser's: a picture of 2,000 KiB and what goes with it.
MAX_REQUEST_BYTES = 4 * 1024 * 1024
# Envoy lets through 32 KiB of headers, 100 at the most. gRPC counts 32 bytes more for each, and the
# path may be repeated. Between two different limits, gRPC would refuse at random.
MAX_METADATA_BYTES = 128 * 1024
STOP_GRACE_SECONDS = 5
# Calls of all callers, and as many streams, that Envoy lets through: see envoy.yaml.
MAX_IN_FLIGHT = 8192
OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    # No table of headers, which the calls of a connection share: gRPC keeps of a header that it
    # cannot read that it could not, and refuses other callers' calls for it. (Envoy's
    # hpack_table_size is for replies as well, of which gRPC's own errors take no notice.)
    ("grpc.http2.hpack_table_size.decoder", 0),
    # Calls that Python has not begun: beyond so many, gRPC would end some of them without a word.
    # More than Envoy lets through.
    ("grpc.server.max_pending_requests", 2 * MAX_IN_FLIGHT),
    ("grpc.server.max_pending_requests_hard_limit", 4 * MAX_IN_FLIGHT),
    # A taken port is an error, not a second server that gets half of the calls.
    ("grpc.so_reuseport", 0),
)

_log = structlog.get_logger("main")


def make_server(*interceptors: grpc.aio.ServerInterceptor) -> grpc.aio.Server:
    """A server whose calls pass through `interceptors`, the outermost first."""
    return grpc.aio.server(
        # Servicers register their methods, which come before this.
        handlers=[UnknownMethods()],
        interceptors=interceptors,
        options=OPTIONS,
    )


def add_reflection(server: grpc.aio.Server, services: Sequence[ServiceDescriptor]) -> None:
    """Lets grpcurl and other tools ask what there is."""
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
) -> None:
    """Serves until a signal says to stop.

    SIGTERM drains: whoever sends calls has `drain_seconds` to notice. SIGINT stops at once. Both
    let running calls finish for STOP_GRACE_SECONDS.
    """
    await server.start()
    tasks = [asyncio.create_task(work()) for work in background]
    await health_servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    _log.info("serving")
    told = await _until_told_to_stop(tasks)
    _log.info("stopping", signal=told.name)
    await health_servicer.enter_graceful_shutdown()
    if told is signal.SIGTERM:
        await asyncio.sleep(drain_seconds)
    await server.stop(STOP_GRACE_SECONDS)
    await _cancel(tasks)


def bind(server: grpc.aio.Server, listen: str, identity: Identity | None = None) -> None:
    """Takes an address, host:port or unix:path. Raises StartError if it is somebody's.

    With an identity, by mutual TLS alone.
    """
    taken = StartError(
        f"Cannot listen on {listen}: it is taken or not an address of this machine. "
        "Give another one with --listen, as host:port or unix:path."
    )
    if in_use(listen):
        raise taken
    try:
        if identity:
            server.add_secure_port(listen, server_credentials(identity))
        else:
            server.add_insecure_port(listen)
    except RuntimeError:
        raise taken from None


async def _until_told_to_stop(tasks: list[asyncio.Task[None]]) -> signal.Signals:
    """Returns the first signal that says to stop; raises what a background task raised."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.put_nowait, number)
    waiting = asyncio.create_task(told.get())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    return await waiting


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task

"""`gymlocker health`: asks a process how it is, from the outside, as a container's health check."""

import asyncio
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.address import host_and_port, unix_path
from server.errors import StartError
from server.mutual_tls import channel
from server.tls import Identity


async def check(address: str, seconds: float, identity: Identity | None = None) -> None:
    """Asks the gRPC health service at `address`; raises StartError, saying why, if it is not well.

    `address` is host:port or unix:path, of a worker, or of Envoy, which passes the question on.
    With an `identity`, it is asked by mutual TLS.
    """
    async with channel(address, identity.read() if identity else None) as asked:
        stub: Any = health_pb2_grpc.HealthStub(asked)
        try:
            reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise StartError(f"{address}: {error.code().name} ({error.details()})") from None
    if reply.status != reply.SERVING:
        raise StartError(f"{address}: {reply.ServingStatus.Name(reply.status)}")


async def check_listens(address: str, seconds: float) -> None:
    """Connects to `address`; raises StartError if nobody listens there.

    For the web process, which speaks no gRPC.
    """
    try:
        async with asyncio.timeout(seconds):
            _, writer = await _connected(address)
    except TimeoutError:
        raise StartError(f"{address}: nobody answered within {seconds:g} s") from None
    except OSError as error:
        raise StartError(f"{address}: {error.strerror or error}") from None
    writer.close()


async def _connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if path := unix_path(address):
        return await asyncio.open_unix_connection(path)
    place = host_and_port(address)
    if place is None:
        raise StartError(f"--address {address} is neither host:port nor unix:/path.")
    return await asyncio.open_connection(place.host, place.port)

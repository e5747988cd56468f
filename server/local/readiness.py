"""How to ask each process whether it serves yet. A question that finds nobody is a no."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

TIMEOUT = 2.0
# Else channels to the same target share a connection, and the growing pauses between attempts too.
OF_ITS_OWN = (("grpc.use_local_subchannel_pool", 1),)


async def postgres_answers(url: str) -> bool:
    """Whether PostgreSQL accepts connections (while it starts or recovers it refuses them)."""
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close(timeout=TIMEOUT)
    return True


async def worker_serves(target: str) -> bool:
    """Whether the gRPC server at `target` calls itself SERVING (grpc.health.v1)."""
    async with grpc.aio.insecure_channel(target, OF_ITS_OWN) as channel:
        try:
            stub: Any = HealthStub(channel)  # its types leave the methods out
            reply = await stub.Check(HealthCheckRequest(), timeout=TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
    return bool(reply.status == HealthCheckResponse.SERVING)


async def envoy_serves(host: str, port: int, admin: Path) -> bool:
    """Whether this Envoy, known by its admin socket, listens and /health through it is answered.

    The first question matters: at host:port it might be another Envoy that answers.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            own = await _status(await asyncio.open_unix_connection(str(admin)), "/ready")
            if own != b"200":
                return False
            return await _status(await asyncio.open_connection(host, port), "/health") == b"200"
    except (OSError, TimeoutError):
        return False


async def _status(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str
) -> bytes:
    reader, writer = connection
    try:
        request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        writer.write(request.encode())
        return (await reader.readline()).partition(b" ")[2][:3]
    finally:
        writer.close()

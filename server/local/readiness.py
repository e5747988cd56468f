"""How to ask each process whether it serves yet. A question that finds nobody is a no."""

import asyncio

import asyncpg
import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

TIMEOUT = 2.0


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
    async with grpc.aio.insecure_channel(target) as channel:
        try:
            reply = await HealthStub(channel).Check(HealthCheckRequest(), timeout=TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
    return bool(reply.status == HealthCheckResponse.SERVING)


async def answers_ok(host: str, port: int, path: str) -> bool:
    """Whether GET http://host:port/path is answered with 200."""
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _status(host, port, path) == b"200"
    except (OSError, TimeoutError):
        return False


async def _status(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        return (await reader.readline()).partition(b" ")[2][:3]
    finally:
        writer.close()

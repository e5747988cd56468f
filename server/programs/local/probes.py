"""How to ask each process whether it serves yet. A question that finds nobody is a no."""

import asyncio
import ssl
from pathlib import Path

import asyncpg

TIMEOUT = 2.0


async def postgres_answers(url: str) -> bool:
    """Whether PostgreSQL accepts connections (while it starts or recovers it refuses them)."""
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close(timeout=TIMEOUT)
    return True


async def accepts(socket: Path) -> bool:
    """Whether a worker accepts connections at `socket`; Envoy asks it for its health.

    Not asked over gRPC: its threads and the fork of other children do not go together.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def envoy_listens(admin: Path) -> bool:
    """Whether this Envoy, known by its admin socket, listens.

    Not asked at host:port, where it might be another Envoy that answers.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _status(await asyncio.open_unix_connection(str(admin)), "/ready") == b"200"
    except (OSError, TimeoutError):
        return False


async def serves(host: str, port: int, *, tls: bool = False) -> bool:
    """Whether a call goes all the way: through Envoy and a worker to the database and back."""
    try:
        async with asyncio.timeout(TIMEOUT):
            connection = await asyncio.open_connection(host, port, ssl=_any() if tls else None)
            return await _status(connection, "/health") == b"200"
    except (OSError, TimeoutError):
        return False


def _any() -> ssl.SSLContext:
    """Takes any certificate: it is our own Envoy that is asked, by an address, not by its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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

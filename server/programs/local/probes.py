"""Readiness probes of the processes. A failed connection counts as not ready."""

import asyncio
import ssl
from pathlib import Path

from server.libraries.process.child import run

TIMEOUT = 2.0


async def postgres_answers(pg_isready: tuple[str, ...]) -> bool:
    """Check whether PostgreSQL accepts connections, as it does not during start and recovery.

    Uses PostgreSQL's own program: asyncpg would take memory for as long as the stack runs.
    """
    # Without variables such as PGOPTIONS.
    ended = await run((*pg_isready, "-t", f"{TIMEOUT:.0f}"), environment={})
    return ended.status == 0


async def accepts(socket: Path) -> bool:
    """Check whether a process accepts connections at `socket`; Envoy checks its health.

    Avoids gRPC, whose threads are not compatible with forking other children.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def envoy_listens(admin: Path) -> bool:
    """Check whether the Envoy with this admin socket listens.

    Avoids host:port, where another Envoy might answer.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            return await _status(await asyncio.open_unix_connection(str(admin)), "/ready") == b"200"
    except (OSError, TimeoutError):
        return False


async def serves(host: str, port: int, *, tls: bool = False) -> bool:
    """Check whether a request passes through Envoy and a worker to the database."""
    try:
        async with asyncio.timeout(TIMEOUT):
            context = _unverified_tls() if tls else None
            connection = await asyncio.open_connection(host, port, ssl=context)
            return await _status(connection, "/health") == b"200"
    except (OSError, TimeoutError):
        return False


def _unverified_tls() -> ssl.SSLContext:
    """Accept any certificate: the server is our own Envoy, called by address, not by name."""
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

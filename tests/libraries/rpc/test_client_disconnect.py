"""Clients that disconnect before they read the response: one log line, no traceback."""

import asyncio
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from tests.support.worker import health, serving

pytestmark = pytest.mark.extended

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# INITIAL_WINDOW_SIZE = 0: the server may send no byte of a response.
SETTINGS = b"\x00\x04\x00\x00\x00\x00"
DATA_FRAME, HEADERS_FRAME, SETTINGS_FRAME, RESET_FRAME = 0, 1, 4, 3
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Encode a frame of HTTP/2."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def field(name: str, value: str) -> bytes:
    """Encode a header in HPACK as a literal, outside of any table."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def call(path: str) -> bytes:
    """Encode a connection with one call with an empty message."""
    headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x")]
    headers += [("te", "trailers"), ("content-type", "application/grpc")]
    block = b"".join(field(*header) for header in headers)
    return (
        PREFACE
        + frame(SETTINGS_FRAME, 0, 0, SETTINGS)
        + frame(HEADERS_FRAME, END_HEADERS, 1, block)
        + frame(DATA_FRAME, END_STREAM, 1, bytes(5))
    )


async def test_logs_one_line_for_an_unread_response(tmp_path: Path, migrated_database: str) -> None:
    socket, log = tmp_path / "worker.sock", tmp_path / "log"
    async with serving(socket, migrated_database, stderr=str(log)) as worker:
        assert await health(socket) == "ok"
        for number, ending in enumerate((b"", frame(RESET_FRAME, 0, 1, (8).to_bytes(4, "big")))):

            def is_logged(calls: int = number + 2) -> bool:
                return log.read_text().count("GetHealth") == calls

            _, writer = await asyncio.open_unix_connection(str(socket))
            writer.write(call("/gymlocker.v2.SystemService/GetHealth"))
            await eventually(is_logged)
            writer.write(ending)
            await writer.drain()
            writer.transport.abort()
        worker.terminate()
        await worker.wait()
    text = log.read_text()
    assert text.count("GetHealth") == 3
    assert "Traceback" not in text and "ExecuteBatchError" not in text

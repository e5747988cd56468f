"""A client that is gone before it had its reply is nothing to write pages about."""

import asyncio
from pathlib import Path

from tests.support.waiting import eventually
from tests.support.worker import health, serving

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# INITIAL_WINDOW_SIZE = 0: it takes no byte of a reply.
SETTINGS = b"\x00\x04\x00\x00\x00\x00"
DATA_FRAME, HEADERS_FRAME, SETTINGS_FRAME, RESET_FRAME = 0, 1, 4, 3
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def field(name: str, value: str) -> bytes:
    """A header as HPACK writes one that stands in no table."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def call(path: str) -> bytes:
    """A call with an empty message, from the first byte of its connection on."""
    headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x")]
    headers += [("te", "trailers"), ("content-type", "application/grpc")]
    block = b"".join(field(*header) for header in headers)
    return (
        PREFACE
        + frame(SETTINGS_FRAME, 0, 0, SETTINGS)
        + frame(HEADERS_FRAME, END_HEADERS, 1, block)
        + frame(DATA_FRAME, END_STREAM, 1, bytes(5))
    )


async def test_a_reply_that_nobody_takes_leaves_one_line_in_the_log(
    tmp_path: Path, migrated_database: str
) -> None:
    socket, log = tmp_path / "worker.sock", tmp_path / "log"
    async with serving(socket, migrated_database, stderr=str(log)) as worker:
        assert await health(socket) == "ok"
        for number, ending in enumerate((b"", frame(RESET_FRAME, 0, 1, (8).to_bytes(4, "big")))):

            def answered(calls: int = number + 2) -> bool:
                return log.read_text().count("GetHealth") == calls

            _, writer = await asyncio.open_unix_connection(str(socket))
            writer.write(call("/gymlocker.v2.SystemService/GetHealth"))
            await eventually(answered)
            writer.write(ending)
            await writer.drain()
            writer.transport.abort()
        worker.terminate()
        await worker.wait()
    text = log.read_text()
    assert text.count("GetHealth") == 3
    assert "Traceback" not in text and "ExecuteBatchError" not in text

"""The client of the benchmark: messages in frames, however they are cut."""

import struct

from benchmarks.live_feed.frames import Incoming


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, 1) + payload


def message(content: bytes) -> bytes:
    return struct.pack(">BI", 0, len(content)) + content


class TestIncoming:
    def test_yields_messages_across_frames_and_reads(self) -> None:
        body = message(b"first") + message(b"") + message(b"second")
        received = frame(0, 0, body[:7]) + frame(0, 0, body[7:]) + frame(1, 5, b"trailers")
        for size in (1, 2, 9, len(received)):
            incoming, answer, found = Incoming(), bytearray(), list[bytes]()
            for start in range(0, len(received), size):
                assert not incoming.has_ended
                found += incoming.messages(received[start : start + size], answer)
            assert found == [b"first", b"", b"second"]
            assert incoming.has_ended
            assert not answer

    def test_answers_pings_and_settings_once(self) -> None:
        incoming, answer = Incoming(), bytearray()
        received = frame(6, 0, b"12345678") + frame(4, 0, b"") + frame(6, 1, b"87654321")
        assert list(incoming.messages(received, answer)) == []
        ping, settings = bytes(answer[:17]), bytes(answer[17:])
        assert ping == b"\0\0\x08\x06\x01\0\0\0\0" + b"12345678"
        assert settings == b"\0\0\0\x04\x01\0\0\0\0"

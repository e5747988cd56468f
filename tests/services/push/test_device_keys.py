"""Keys of devices."""

import base64
import os

import pytest

from server.services.push.device_keys import parse_auth, parse_public_key
from server.services.push.encryption import PADDED_BYTES, encrypt
from tests.services.push.device import Device, text_of

# The example of RFC 8291, section 5 (appendix A).
RFC_KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"


class TestParsePublicKey:
    def test_reads_key_with_and_without_padding(self) -> None:
        assert parse_public_key(RFC_KEY) == parse_public_key(RFC_KEY + "=")
        assert parse_public_key(RFC_KEY)[0] == 4

    def test_rejects_point_off_the_curve(self) -> None:
        point = parse_public_key(RFC_KEY)
        off = point[:-1] + bytes([point[-1] ^ 1])
        with pytest.raises(ValueError, match=r"\w"):
            parse_public_key(text_of(off))

    @pytest.mark.parametrize(
        "point",
        [b"", b"\0", b"\4" + bytes(64), b"\5" + bytes(64), b"\4" + b"\xff" * 64, bytes(65)],
        ids=lambda point: f"{point[:1].hex()}-{len(point)}-{point[-1:].hex()}",
    )
    def test_rejects_other_bytes(self, point: bytes) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            parse_public_key(text_of(point))

    def test_rejects_compressed_point(self) -> None:
        point = parse_public_key(RFC_KEY)
        with pytest.raises(ValueError, match="uncompressed"):
            parse_public_key(text_of(bytes([2 + point[-1] % 2]) + point[1:33]))


class TestParseAuth:
    def test_reads_secret_with_and_without_padding(self) -> None:
        secret = os.urandom(16)
        padded = base64.urlsafe_b64encode(secret).decode()
        assert parse_auth(padded) == parse_auth(padded.rstrip("=")) == secret

    @pytest.mark.parametrize("size", [0, 15, 17])
    def test_rejects_other_sizes(self, size: int) -> None:
        with pytest.raises(ValueError, match="not 16 bytes"):
            parse_auth(text_of(bytes(size)))


class TestEncrypt:
    def test_device_decrypts_and_nobody_else(self) -> None:
        device, other = Device("https://push.example"), Device("https://push.example")
        body = encrypt(b'{"a":1}', p256dh=device.p256dh, auth=device.auth)
        assert device.read(body) == {"a": 1}
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library raises
            other.decrypt(body)

    def test_size_and_contents_tell_nothing(self) -> None:
        device = Device("https://push.example")
        keys = {"p256dh": device.p256dh, "auth": device.auth}
        short, long = encrypt(b"{}", **keys), encrypt(b'{"a":1}'.rjust(200), **keys)
        assert len(short) == len(long) == PADDED_BYTES + 86 + 17
        assert encrypt(b"{}", **keys) != short

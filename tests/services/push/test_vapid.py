"""The key of pushes, and their signature."""

import subprocess
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from server.errors import StartError
from server.services.push.vapid import Vapid, load_key, new_key
from tests.services.push.device import CURVE, bytes_of, point_of, verified_claims

ORIGIN = "https://push.example"
HOURS = 3600


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVE)


class TestVapid:
    def test_signs_origin_time_and_contact(self, key: ec.EllipticCurvePrivateKey) -> None:
        vapid = Vapid(key, "mailto:ada@example.com", now=lambda: 4e9)
        claims = verified_claims(vapid.authorization(ORIGIN), ORIGIN)
        assert claims["exp"] == 4_000_000_000 + 12 * HOURS
        assert claims["sub"] == "mailto:ada@example.com"
        assert bytes_of(claims["k"]) == point_of(key.public_key())
        assert claims["k"] == vapid.public_key

    def test_omits_unknown_contact(self, key: ec.EllipticCurvePrivateKey) -> None:
        header = Vapid(key, None).authorization(ORIGIN)
        assert verified_claims(header, ORIGIN).keys() == {"aud", "exp", "k"}

    def test_is_valid_for_one_origin(self, key: ec.EllipticCurvePrivateKey) -> None:
        with pytest.raises(jwt.InvalidAudienceError):
            verified_claims(Vapid(key, None).authorization(ORIGIN), "https://other.example")


class TestLoadKey:
    def test_reads_new_key(self, tmp_path: Path) -> None:
        path = tmp_path / "key.pem"
        path.write_bytes(new_key())
        assert load_key(path).curve.name == "secp256r1"

    def test_reads_key_of_openssl(self, tmp_path: Path) -> None:
        path = tmp_path / "key.pem"
        command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]
        subprocess.run([*command, "-out", path], check=True)
        assert load_key(path)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "not an unencrypted PEM key"),
            (b"\xff\xfe", "not an unencrypted PEM key"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not an unencr"),
        ],
        ids=["empty", "binary", "broken"],
    )
    def test_rejects_other_files(self, tmp_path: Path, content: bytes, problem: str) -> None:
        path = tmp_path / "key.pem"
        path.write_bytes(content)
        with pytest.raises(StartError, match=problem):
            load_key(path)

    @pytest.mark.parametrize("kind", ["ed25519", "secp384r1"])
    def test_rejects_other_keys(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "key.pem"
        command = {
            "ed25519": ["openssl", "genpkey", "-algorithm", "ed25519"],
            "secp384r1": ["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout"],
        }[kind]
        subprocess.run([*command, "-out", path], check=True)
        with pytest.raises(StartError, match="not a key on the curve P-256"):
            load_key(path)

    def test_names_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(StartError, match="cannot be read"):
            load_key(tmp_path / "missing.pem")

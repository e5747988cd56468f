"""Encryption with age: its own tool reads what is stored, and keys can be replaced."""

import io
import subprocess
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.settings import BackupSettings
from server.services.backup.encryption import AgeCipher, Cipher, age_cipher
from server.services.backup.setup import cipher_of
from tests.services.backup.contents import GZIP, MIB, new_contents
from tests.support.tools import require

CONTENTS = [GZIP, new_contents(1000), new_contents(64 * 1024), new_contents(MIB + 1)]


@pytest.fixture
def keys(tmp_path: Path) -> list[tuple[Path, str]]:
    """Return two files of age-keygen and their public keys."""
    require("age", "age-keygen")
    return [new_key(tmp_path / name) for name in ("old", "new")]


def new_key(path: Path) -> tuple[Path, str]:
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
    return path, public.stdout.strip()


def encrypted(cipher: Cipher, data: bytes) -> bytes:
    target = io.BytesIO()
    cipher.encrypt(io.BytesIO(data), target)
    return target.getvalue()


def decrypted(cipher: Cipher, data: bytes) -> bytes:
    target = io.BytesIO()
    cipher.decrypt(io.BytesIO(data), target)
    return target.getvalue()


def age(*arguments: object, given: bytes) -> bytes:
    return subprocess.run(
        ["age", *map(str, arguments)], check=True, capture_output=True, input=given
    ).stdout


class TestAgeCipher:
    @pytest.mark.parametrize("data", CONTENTS, ids=len)
    def test_reads_what_it_has_written(self, keys: list[tuple[Path, str]], data: bytes) -> None:
        cipher = age_cipher([keys[0][1]], [keys[0][0]])
        assert decrypted(cipher, encrypted(cipher, data)) == data

    @pytest.mark.parametrize("data", CONTENTS, ids=len)
    def test_age_reads_it_and_it_reads_age(self, keys: list[tuple[Path, str]], data: bytes) -> None:
        path, public = keys[0]
        cipher = age_cipher([public], [path])
        assert age("--decrypt", "--identity", path, given=encrypted(cipher, data)) == data
        assert decrypted(cipher, age("--recipient", public, given=data)) == data

    def test_each_recipient_can_read(self, keys: list[tuple[Path, str]]) -> None:
        cipher = age_cipher([public for _, public in keys], [keys[0][0]])
        data = encrypted(cipher, CONTENTS[1])
        for path, _ in keys:
            assert age("--decrypt", "--identity", path, given=data) == CONTENTS[1]

    def test_replaced_key_still_reads_old_objects(self, keys: list[tuple[Path, str]]) -> None:
        (old, old_public), (new, new_public) = keys
        before = encrypted(age_cipher([old_public], [old]), CONTENTS[1])
        cipher = age_cipher([new_public], [new, old])
        assert decrypted(cipher, before) == CONTENTS[1]
        after = encrypted(cipher, CONTENTS[2])
        assert age("--decrypt", "--identity", new, given=after) == CONTENTS[2]
        with pytest.raises(Exception, match="No matching keys"):
            decrypted(age_cipher([old_public], [old]), after)

    def test_encrypts_for_the_first_identity_by_default(self, keys: list[tuple[Path, str]]) -> None:
        (old, _), (new, _) = keys
        data = encrypted(age_cipher([], [new, old]), CONTENTS[1])
        assert age("--decrypt", "--identity", new, given=data) == CONTENTS[1]

    @pytest.mark.parametrize("change", ["cut", "changed", "appended"])
    def test_rejects_damaged_object(self, keys: list[tuple[Path, str]], change: str) -> None:
        cipher = age_cipher([], [keys[0][0]])
        data = encrypted(cipher, CONTENTS[3])
        damaged = {
            "cut": data[:-70_000],
            "changed": data[:500_000] + b"XXXX" + data[500_004:],
            "appended": data + b"X",
        }
        with pytest.raises(Exception, match=r"decrypt|fill"):
            decrypted(cipher, damaged[change])

    def test_reads_plain_objects_of_before(self, keys: list[tuple[Path, str]]) -> None:
        cipher = age_cipher([], [keys[0][0]])
        for data in CONTENTS:
            assert decrypted(cipher, data) == data


class TestCipherOf:
    def test_plaintext_still_reads_encrypted_objects(self, keys: list[tuple[Path, str]]) -> None:
        data = encrypted(age_cipher([], [keys[0][0]]), CONTENTS[1])
        settings = BackupSettings(
            backup_store="file:/x",
            backup_plaintext=True,
            backup_age_identity_file=str(keys[0][0]),
        )
        cipher = cipher_of(settings)
        assert decrypted(cipher, data) == CONTENTS[1]
        assert encrypted(cipher, CONTENTS[1]) == CONTENTS[1]
        assert decrypted(cipher, CONTENTS[1]) == CONTENTS[1]

    def test_reads_several_keys_and_files(self, keys: list[tuple[Path, str]]) -> None:
        settings = BackupSettings(
            backup_store="file:/x",
            backup_age_recipients="\n".join(public for _, public in keys),
            backup_age_identity_file=", ".join(str(path) for path, _ in keys),
        )
        cipher = cipher_of(settings)
        assert isinstance(cipher, AgeCipher)
        assert decrypted(cipher, encrypted(cipher, CONTENTS[1])) == CONTENTS[1]


class TestErrors:
    def test_identity_that_cannot_read_is_named(self, keys: list[tuple[Path, str]]) -> None:
        with pytest.raises(StartError, match="no key that can read"):
            age_cipher([keys[0][1]], [keys[1][0]])

    @pytest.mark.parametrize("text", ["age1x", "ssh-ed25519 x", "nonsense"])
    def test_malformed_recipient_is_named(self, keys: list[tuple[Path, str]], text: str) -> None:
        with pytest.raises(StartError, match="is not a public key"):
            age_cipher([text], [keys[0][0]])

    @pytest.mark.parametrize("content", [b"", b"# public key: age1\n", b"nonsense", b"\xff\xfe"])
    def test_file_without_a_key_is_named(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "identity"
        path.write_bytes(content)
        with pytest.raises(StartError, match="has no private key of age"):
            age_cipher([], [path])

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StartError, match="cannot be read"):
            age_cipher([], [tmp_path / "missing"])

"""The secret that is made once and kept in the data folder."""

import stat
from pathlib import Path

import pytest

from server.errors import StartError
from server.programs.local.data_directory import load_or_create_secret


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = load_or_create_secret(path)
    assert len(bytes.fromhex(secret)) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == secret
    assert load_or_create_secret(tmp_path / "another") != secret
    assert {each.name for each in tmp_path.iterdir()} == {"secret", "another"}


@pytest.mark.parametrize("content", [b"", b"\n", b"0f" * 15, b"\xff\xfe" * 32])
def test_one_that_is_broken_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "jwt-secret-key"
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"/jwt-secret-key is broken: .*backup, or delete it: "):
        load_or_create_secret(path)
    assert path.read_bytes() == content


def test_where_it_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="secret cannot be read or written"):
        load_or_create_secret(tmp_path / "no folder" / "secret")

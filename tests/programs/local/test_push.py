"""The key of pushes that `gymlocker up` makes."""

from pathlib import Path

import pytest

from server.errors import StartError
from server.programs.local.push import FILE_NAME, push_environment
from server.services.push.vapid import load_key


class TestPushEnvironment:
    def test_creates_key_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        path = tmp_path / FILE_NAME
        assert push_environment(tmp_path) == {"VAPID_PRIVATE_KEY_FILE": str(path)}
        assert path.stat().st_mode & 0o777 == 0o600
        assert load_key(path)
        key = path.read_bytes()
        assert push_environment(tmp_path) == {"VAPID_PRIVATE_KEY_FILE": str(path)}
        assert path.read_bytes() == key

    def test_leaves_given_key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("VAPID_PRIVATE_KEY_FILE", "/elsewhere.pem")
        assert push_environment(tmp_path) == {}
        assert not (tmp_path / FILE_NAME).exists()

    def test_names_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(StartError, match=f"{FILE_NAME} cannot be written"):
            push_environment(tmp_path / "missing")

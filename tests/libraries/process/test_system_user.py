"""The OS user of PostgreSQL, and its permission to pass through folders."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from server.libraries.process import system_user


class TestGrantPassage:
    def test_opens_closed_parent_for_passing_only(self, tmp_path: Path) -> None:
        closed, inner = tmp_path / "closed", tmp_path / "closed" / "open" / "data"
        inner.mkdir(parents=True)
        closed.chmod(0o700)
        inner.parent.chmod(0o751)
        lines: list[str] = []
        stranger = system_user.SystemUser("stranger", 54321, 54321)

        system_user.grant_passage(inner, stranger, lines.append)

        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
        assert stat.S_IMODE(inner.parent.stat().st_mode) == 0o751
        assert any(str(closed) in line for line in lines)
        assert not any(str(inner.parent) in line for line in lines)

    def test_leaves_folder_of_user_unchanged(self, tmp_path: Path) -> None:
        own = tmp_path / "own"
        (own / "data").mkdir(parents=True)
        own.chmod(0o700)
        me = system_user.SystemUser("me", own.stat().st_uid, own.stat().st_gid)
        system_user.grant_passage(own / "data", me, lambda line: None)
        assert stat.S_IMODE(own.stat().st_mode) == 0o700


class TestDatabaseUser:
    def test_is_current_user_unless_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert system_user.database_user(tmp_path) is None

    def test_is_owner_of_data_for_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
        os.chown(tmp_path, owner, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        user = system_user.database_user(tmp_path)
        assert user is not None
        assert user.uid == owner

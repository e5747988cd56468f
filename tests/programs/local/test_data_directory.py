"""The data folder: its lock, its secret and its sockets."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from server.errors import StartError
from server.programs.local.data_directory import (
    fresh_socket_folder,
    load_or_create_secret,
    locked,
)
from tests.support.process import killed_on_error


class TestLoadOrCreateSecret:
    def test_creates_private_secret_once(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        secret = load_or_create_secret(path)
        assert len(bytes.fromhex(secret)) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert load_or_create_secret(path) == secret
        assert load_or_create_secret(tmp_path / "another") != secret
        assert {each.name for each in tmp_path.iterdir()} == {"secret", "another"}

    @pytest.mark.parametrize("content", [b"", b"\n", b"0f" * 15, b"\xff\xfe" * 32])
    def test_rejects_broken_secret_and_keeps_it(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "jwt-secret-key"
        path.write_bytes(content)
        with pytest.raises(
            StartError, match=r"/jwt-secret-key is broken: .*backup, or delete it: "
        ):
            load_or_create_secret(path)
        assert path.read_bytes() == content

    def test_names_path_that_is_not_writable(self, tmp_path: Path) -> None:
        with pytest.raises(StartError, match="secret cannot be read or written"):
            load_or_create_secret(tmp_path / "no folder" / "secret")


class TestLocked:
    def test_rejects_second_process_and_names_first(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        with locked(folder):
            with pytest.raises(StartError, match=rf"\(process {os.getpid()}\)"), locked(folder):
                pass
            assert folder.stat().st_mode & 0o777 == 0o700
        with locked(folder):
            pass

    def test_killed_process_releases_lock(self, tmp_path: Path) -> None:
        script = (
            "import pathlib, sys; from server.programs.local.data_directory import locked\n"
            f"with locked(pathlib.Path({str(tmp_path)!r})):\n"
            "  print('in', flush=True)\n"
            "  sys.stdin.read()"
        )
        with killed_on_error(
            subprocess.Popen(
                [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"in\n"
            with pytest.raises(StartError, match=f"process {holder.pid}"), locked(tmp_path):
                pass
            holder.kill()
        with locked(tmp_path):
            pass

    def test_names_folder_that_cannot_be_created(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(StartError, match=r"is not usable.*--data-dir"), locked(file / "data"):
            pass

    def test_names_folder_that_is_not_writable(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        script = (
            "import os, pathlib, sys\n"
            "from server.errors import StartError\n"
            "from server.programs.local.data_directory import locked\n"
            # For root, everything is writable.
            "os.geteuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
            f"try:\n  with locked(pathlib.Path({str(closed / 'data')!r})): pass\n"
            "except StartError as error: sys.exit(str(error))"
        )
        for folder in closed.parents:
            if (
                folder.is_relative_to(tempfile.gettempdir())
                and folder.stat().st_uid == os.geteuid()
            ):
                folder.chmod(folder.stat().st_mode | 0o001)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 1
        owner, user = os.geteuid(), os.geteuid() or 65534
        if owner == user:
            reason = " (Permission denied): choose another with --data-dir."
        else:
            reason = f": {closed} belongs to the user id {owner}, and Gymlocker runs as {user}."
        assert f"{closed / 'data'} is not usable{reason}" in done.stderr


class TestFreshSocketFolder:
    def test_is_empty_private_and_temporary(self, tmp_path: Path) -> None:
        place = tmp_path / "run"
        place.mkdir()
        (place / "worker-0.sock").touch()
        with fresh_socket_folder(place) as folder:
            assert folder == place
            assert list(folder.iterdir()) == []
            assert folder.stat().st_mode & 0o777 == 0o700
        assert not place.exists()

    def test_removes_linked_folder_of_killed_process(self, tmp_path: Path) -> None:
        place = tmp_path / ("x" * 100)
        orphan = tmp_path / "gymlocker-orphan"
        orphan.mkdir()
        place.symlink_to(orphan)
        with fresh_socket_folder(place) as folder:
            assert not orphan.exists()
            assert place.readlink() == folder
            assert len(str(folder)) < 80
        assert not folder.exists()

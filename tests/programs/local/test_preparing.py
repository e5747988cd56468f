"""`gymlocker up` before anything is started: folder, lock, address."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.errors import StartError
from server.libraries.network.address import Address
from server.programs.local import options
from server.programs.local.data_directory import fresh_socket_folder, locked
from server.programs.local.options import UpOptions, default_workers, free_address


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "TIMEOUT", 0.0)


def test_there_is_a_worker_for_each_core_up_to_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, workers in ((1, 1), (3, 3), (64, 4)):
        usable = set(range(cores))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, u=usable: u, raising=False)
        assert default_workers() == workers
        assert UpOptions().workers == workers


@pytest.mark.usefixtures("impatient")
def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} on 127.0.0.1 is taken.*--port"):
            free_address("127.0.0.1", port)


def test_a_port_that_gets_free_in_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(time, "sleep", lambda _: taken.close())
    port = taken.getsockname()[1]
    assert free_address("127.0.0.1", port) == Address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(StartError, match="choose another --host"):
        free_address(host, 0)


def test_a_name_becomes_a_number_since_envoy_takes_nothing_else() -> None:
    assert free_address("localhost", 0).host in ("127.0.0.1", "::1")


def test_a_second_one_on_the_same_folder_is_told_who_the_first_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with locked(folder):
        with pytest.raises(StartError, match=rf"\(process {os.getpid()}\)"), locked(folder):
            pass
        assert folder.stat().st_mode & 0o777 == 0o700
    with locked(folder):
        pass


def test_the_lock_goes_with_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from server.programs.local.data_directory import locked\n"
        f"with locked(pathlib.Path({str(tmp_path)!r})): print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        with pytest.raises(StartError, match=f"process {holder.pid}"), locked(tmp_path):
            pass
        holder.kill()
    with locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StartError, match=r"is not usable.*--data-dir"), locked(file / "data"):
        pass


def test_a_folder_that_is_not_writable_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    script = (
        "import os, pathlib, sys\n"
        "from server.errors import StartError\n"
        "from server.programs.local.data_directory import locked\n"
        "os.geteuid() or os.setuid(65534)\n"  # to root, everything is writable
        f"try:\n  with locked(pathlib.Path({str(closed / 'data')!r})): pass\n"
        "except StartError as error: sys.exit(str(error))"
    )
    for folder in closed.parents:
        if str(folder).startswith(str(tmp_path.parent.parent)):
            folder.chmod(folder.stat().st_mode | 0o001)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not usable (Permission denied): choose another with --data-dir." in done.stderr


def test_sockets_get_a_folder_that_is_empty_and_goes_away(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    (place / "worker-0.sock").touch()
    with fresh_socket_folder(place) as folder:
        assert folder == place
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not place.exists()


def test_what_a_killed_one_left_elsewhere_is_removed_too(tmp_path: Path) -> None:
    place = tmp_path / ("x" * 100)
    left = tmp_path / "gymlocker-left"
    left.mkdir()
    place.symlink_to(left)
    with fresh_socket_folder(place) as folder:
        assert not left.exists()
        assert place.readlink() == folder
        assert len(str(folder)) < 80
    assert not folder.exists()

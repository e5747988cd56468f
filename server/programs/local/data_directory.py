"""The data folder of one Gymlocker: who may enter, its lock, its sockets and logs.

.gymlocker/         0700; as root 0711, for the system user that PostgreSQL runs as
  jwt-secret-key    signs access tokens, 0600; made once
  lock              held while `gymlocker up` runs; contains its process id
  cache/            compiled Python, where it is not to be kept beside the sources
  logs/             what each process prints
  run/              sockets and Envoy's configuration, made anew at each start
  postgres/         the embedded PostgreSQL, see postgres.py
"""

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file

# A unix socket's whole path has 108 bytes on Linux, 104 on macOS; leave room for the longest name.
MAX_SOCKET_FOLDER = 80
# What a worker wants at least.
SHORTEST_SECRET_BYTES = 32
# gRPC, Envoy and database URLs each have an idea of their own of how to quote the rest.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder, if need be, and keeps every other `gymlocker up` out of it.

    Raises StartError if somebody else is in it, or if it is not writable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"The data folder {folder} is not usable ({error.strerror}): "
            "choose another with --data-dir."
        ) from error
    try:
        _take(lock, folder)
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode().strip() or "unknown"
        raise StartError(
            f"Gymlocker already runs on {folder} (process {holder}): "
            "stop it, or choose another folder with --data-dir."
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def kept_secret(path: Path) -> str:
    """The random secret in a file, which is made the first time: 256 bits, in hexadecimal."""
    try:
        if not path.exists():
            with whole_file(path) as file:
                file.write(secrets.token_hex(32).encode())
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartError(f"{path} cannot be read or written ({error.strerror}).") from error
    except UnicodeDecodeError:
        secret = ""
    if len(secret.encode()) < SHORTEST_SECRET_BYTES:
        raise StartError(
            f"{path} is broken: it is empty, too short or no text. Restore it from a backup, or "
            "delete it: a new one is made, and access tokens signed with the old one are refused."
        )
    return secret


@contextmanager
def fresh_socket_folder(place: Path, owner: tuple[int, int] | None = None) -> Iterator[Path]:
    """An empty folder for sockets, 0700, gone afterwards; `owner` is a user and group id.

    It is `place`, unless that path is too long or too fancy for a socket: then it is a temporary
    folder, and `place` a link to it, by which the next start finds what a killed one left.
    """
    _remove(place)
    folder = place
    if suits_sockets(place):
        place.mkdir(mode=0o700)
    else:
        folder = Path(tempfile.mkdtemp(prefix="gymlocker-", dir=_short_temporary_folder()))
        place.symlink_to(folder)
    if owner is not None:
        os.chown(folder, *owner)
    try:
        yield folder
    finally:
        _remove(place)


def suits_sockets(folder: Path) -> bool:
    """Whether sockets can live in this folder."""
    path = str(folder)
    return len(path) <= MAX_SOCKET_FOLDER and PLAIN_PATH.fullmatch(path) is not None


def _short_temporary_folder() -> Path:
    usual = Path(tempfile.gettempdir()) / "gymlocker-12345678"
    return usual.parent if suits_sockets(usual) else Path("/tmp")


def _remove(place: Path) -> None:
    if place.is_symlink():
        shutil.rmtree(place.readlink(), ignore_errors=True)
        place.unlink()
    else:
        with suppress(FileNotFoundError):
            shutil.rmtree(place)

"""The data folder of one stack: permissions, lock, signing key, sockets and logs.

.gymlocker/         0700; as root 0711, for the system user that PostgreSQL runs as
  jwt-secret-key    signs access tokens, 0600; created once
  backup-age-identity   decrypts backups, 0600; created once
  vapid-private-key.pem   signs pushes, 0600; created once
  backups/          backups of the app, see services/backup/folder_store.py
  lock              held while `gymlocker up` or an administrative command uses the folder; contains
                    the process id of its holder, and the command
  cache/            compiled Python, if it must not be kept beside the sources
  logs/             the output of each process
  run/              sockets and Envoy's configuration, created at each start
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

# The path of a unix socket has up to 108 bytes on Linux, 104 on macOS. The rest is for its name.
MAX_SOCKET_FOLDER = 80
# The minimum of a worker.
MIN_SECRET_BYTES = 32
# gRPC, Envoy and database URLs quote other characters differently.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
UP = "gymlocker up"


class FolderInUse(StartError):
    """The folder is locked. `holder` is the command that holds the lock."""

    def __init__(self, text: str, holder: str) -> None:
        super().__init__(text)
        self.holder = holder


@contextmanager
def locked(folder: Path, holder: str = UP) -> Iterator[int]:
    """Lock the folder for the command `holder`; create the folder if it does not exist.

    The value is the open file that holds the lock, also in a program that inherits it. Raises
    FolderInUse if it is locked, and StartError if it is not writable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(_unusable(folder, error)) from error
    try:
        _take(lock, folder, holder)
        yield lock
    finally:
        os.close(lock)


def _unusable(folder: Path, error: OSError) -> str:
    place = next(each for each in (folder, *folder.parents) if _is_visible(each))
    owner, uid, gid = place.stat().st_uid, os.geteuid(), os.getegid()
    if not isinstance(error, PermissionError) or owner == uid:
        return (
            f"The data folder {folder} is not usable ({error.strerror}): "
            "choose another with --data-dir."
        )
    return (
        f"The data folder {folder} is not usable: {place} belongs to the user id {owner}, and "
        f"Gymlocker runs as {uid}. Run `chown -R {uid}:{gid}` on the folder, run Gymlocker as its "
        "owner (PUID and PGID in Docker Compose), or choose another folder with --data-dir."
    )


def _is_visible(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _take(lock: int, folder: Path, holder: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process, _, other = os.pread(lock, 100, 0).decode().strip().partition("\n")
        # Earlier releases wrote the process id alone.
        other = other or UP
        is_up = other == UP
        raise FolderInUse(
            f"{'Gymlocker is already running on' if is_up else f'`{other}` is using'} {folder} "
            f"(process {process or 'unknown'}): {'stop it' if is_up else 'wait for it'}, "
            "or choose another folder with --data-dir.",
            other,
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n{holder}\n".encode(), 0)


def load_or_create_secret(path: Path) -> str:
    """Return the secret in a file; at first create it: 256 random bits, in hexadecimal."""
    try:
        if not path.exists():
            with whole_file(path) as file:
                file.write(secrets.token_hex(32).encode())
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StartError(f"{path} cannot be read or written ({error.strerror}).") from error
    except UnicodeDecodeError:
        secret = ""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise StartError(
            f"{path} is broken: it is empty, too short or not text. Restore it from a backup, or "
            "delete it: a new one is created, and access tokens signed with the old one become "
            "invalid."
        )
    return secret


@contextmanager
def fresh_socket_folder(place: Path, owner: tuple[int, int] | None = None) -> Iterator[Path]:
    """Create an empty folder for sockets, 0700, and remove it afterwards.

    The folder is `place`. If that path does not suit sockets, it is a temporary folder, and `place`
    is a link to it, so that the next start can remove the folder if this process is killed. `owner`
    is a user and group id.
    """
    remove_socket_folder(place)
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
        remove_socket_folder(place)


def suits_sockets(folder: Path) -> bool:
    """Check whether the path is short and plain enough for sockets in this folder."""
    path = str(folder)
    return len(path) <= MAX_SOCKET_FOLDER and PLAIN_PATH.fullmatch(path) is not None


def _short_temporary_folder() -> Path:
    default = Path(tempfile.gettempdir()) / "gymlocker-12345678"
    return default.parent if suits_sockets(default) else Path("/tmp")


def remove_socket_folder(place: Path) -> None:
    """Remove the folder that `fresh_socket_folder` created at `place`, if it is there."""
    if place.is_symlink():
        shutil.rmtree(place.readlink(), ignore_errors=True)
        place.unlink()
    else:
        with suppress(FileNotFoundError):
            shutil.rmtree(place)

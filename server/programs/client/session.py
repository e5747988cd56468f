"""The session of the user on this machine, in a file that only they can read.

    ~/.config/gymlocker/        0700
      session.json              0600: url, username, tokens
      session.json.lock         0600: held while the tokens are renewed

Reusing a refresh token after its successor was used ends the session. So renewing holds the lock,
reads the file again, and stores the new tokens before they are used.
"""

import asyncio
import fcntl
import json
import os
import stat
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gymlocker.v2 import auth_pb2

from server.errors import StartError
from server.libraries.common.atomic_file import whole_file
from server.programs.client.text import warn

# An access token is renewed this long before it expires.
RENEWAL_MARGIN_SECONDS = 30
# Longer than a renewal may take.
LOCK_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Session:
    """A login at a server. `expires` is the access token's expiry in seconds since 1970."""

    url: str
    username: str
    expires: float
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def is_fresh(self) -> bool:
        """Check whether the access token is still valid."""
        return time.time() < self.expires - RENEWAL_MARGIN_SECONDS

    def is_same_login(self, other: "Session") -> bool:
        """Check whether both belong to one user of one server."""
        return (self.url, self.username) == (other.url, other.username)


def session_of(url: str, username: str, tokens: auth_pb2.Tokens) -> Session:
    """Return a session with tokens that the server has just issued."""
    expires = time.time() + tokens.expires_in
    return Session(url, username, expires, tokens.access_token, tokens.refresh_token)


class SessionFile:
    """The file that stores the session."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_name(f"{path.name}.lock")

    def load(self) -> Session:
        """Return the session. Raises StartError if there is none."""
        try:
            return _session_in(self._read())
        except FileNotFoundError:
            raise StartError("You are not logged in: run `gymlocker login`.") from None
        except OSError as error:
            raise self._unusable(error) from error
        except ValueError:
            raise StartError(
                f"{self.path} does not contain a session: run `gymlocker login` to replace it."
            ) from None

    def load_if_valid(self) -> Session | None:
        """Return the session; None if there is no valid one."""
        try:
            return self.load()
        except StartError:
            return None

    def save(self, session: Session) -> None:
        """Store the session atomically."""
        try:
            with whole_file(self.path) as file:
                file.write(json.dumps(asdict(session), indent=2).encode() + b"\n")
        except OSError as error:
            raise self._unusable(error) from error

    def delete(self) -> None:
        """Delete the session."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold the lock that guards changes of the session."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            await self._acquire(lock)
            yield
        finally:
            os.close(lock)

    async def _acquire(self, lock: int) -> None:
        # A blocking flock would delay Ctrl-C.
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartError(
                        "The session is locked by another gymlocker command: stop it and try again."
                    ) from None
                await asyncio.sleep(0.02)
            else:
                return

    def _read(self) -> str:
        with self.path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                os.fchmod(file.fileno(), 0o600)
                warn(
                    f"{self.path} was readable by others; its permissions are fixed now. If others "
                    "may have read it, run `gymlocker logout` and log in again."
                )
            return file.read()

    def _unusable(self, error: OSError) -> StartError:
        return StartError(
            f"The session file {self.path} is not usable ({error.strerror}): fix this, or set "
            "GYMLOCKER_SESSION to another path."
        )


def session_file(environment: Mapping[str, str]) -> SessionFile:
    """Return the file that GYMLOCKER_SESSION names, or the one in the user's configuration."""
    if named := environment.get("GYMLOCKER_SESSION"):
        return SessionFile(Path(named).absolute())
    # The XDG specification requires relative paths to be ignored.
    configured = Path(environment.get("XDG_CONFIG_HOME", ""))
    folder = configured if configured.is_absolute() else Path.home() / ".config"
    return SessionFile(folder / "gymlocker" / "session.json")


def _session_in(text: str) -> Session:
    """Parse a session. Raises ValueError."""
    values: Any = json.loads(text)
    try:
        session = Session(**values)
    except TypeError:
        raise ValueError from None
    texts = (session.url, session.username, session.access_token, session.refresh_token)
    if not all(isinstance(each, str) for each in texts) or not isinstance(
        session.expires, int | float
    ):
        raise ValueError
    return session

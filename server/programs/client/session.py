"""The session of the person at this machine, in one file that only they can read.

    ~/.config/gymlocker/        0700
      session.json              0600: url, username, tokens
      session.json.lock         0600: held while the tokens are exchanged for new ones

A refresh token that comes back after the next one was used ends the session. So whoever exchanges
one holds the lock, reads the file again, and has the new tokens on the disk before using them.
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

# An access token that has less to live than this is not worth sending.
MARGIN_SECONDS = 30
# Longer than an exchange may take.
LOCK_SECONDS = 60


@dataclass(frozen=True)
class Session:
    """Who is logged in where. `expires` is when the access token does, in seconds since 1970."""

    url: str
    username: str
    expires: float
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def is_fresh(self) -> bool:
        """Whether the access token can be used."""
        return time.time() < self.expires - MARGIN_SECONDS

    def is_of(self, other: "Session") -> bool:
        """Whether it is the same person at the same server."""
        return (self.url, self.username) == (other.url, other.username)


def session_of(url: str, username: str, tokens: auth_pb2.Tokens) -> Session:
    """A session with the tokens that the server gave just now."""
    expires = time.time() + tokens.expires_in
    return Session(url, username, expires, tokens.access_token, tokens.refresh_token)


class SessionFile:
    """Where the session is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_name(f"{path.name}.lock")

    def load(self) -> Session:
        """The session. Raises StartError if nobody is logged in."""
        try:
            return _session_in(self._read())
        except FileNotFoundError:
            raise StartError("You are not logged in: run `gymlocker login`.") from None
        except OSError as error:
            raise self._unusable(error) from error
        except ValueError:
            raise StartError(
                f"{self.path} holds no session: run `gymlocker login`, which writes it anew."
            ) from None

    def load_any(self) -> Session | None:
        """The session, None if there is none that can be used."""
        try:
            return self.load()
        except StartError:
            return None

    def save(self, session: Session) -> None:
        """Puts the session onto the disk, as a whole or not at all."""
        try:
            with whole_file(self.path) as file:
                file.write(json.dumps(asdict(session), indent=2).encode() + b"\n")
        except OSError as error:
            raise self._unusable(error) from error

    def forget(self) -> None:
        """Removes the session."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Keeps every other command from changing the session."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            await self._take(lock)
            yield
        finally:
            os.close(lock)

    async def _take(self, lock: int) -> None:
        # Waiting in flock itself, Ctrl-C would have to wait as well.
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartError(
                        "Another gymlocker command has been renewing the session for a minute: "
                        "stop it, and try again."
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
                    f"Others could read {self.path}; now only you can. If somebody may have, "
                    "run `gymlocker logout` and log in again."
                )
            return file.read()

    def _unusable(self, error: OSError) -> StartError:
        return StartError(
            f"The session file {self.path} is not usable ({error.strerror}): see to it, or say "
            "with GYMLOCKER_SESSION where another one may be."
        )


def session_file(environment: Mapping[str, str]) -> SessionFile:
    """The file that the environment names, else the one in the person's configuration."""
    if named := environment.get("GYMLOCKER_SESSION"):
        return SessionFile(Path(named).absolute())
    # The specification of XDG wants relative paths ignored.
    configured = Path(environment.get("XDG_CONFIG_HOME", ""))
    folder = configured if configured.is_absolute() else Path.home() / ".config"
    return SessionFile(folder / "gymlocker" / "session.json")


def _session_in(text: str) -> Session:
    """Raises ValueError if it is none."""
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

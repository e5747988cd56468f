"""One child process, at the level of the operating system.

Each child runs in a session of its own: Ctrl-C in the terminal reaches only the supervisor, which
stops its children in order. A child does not outlive its parent.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from server.libraries.process.system_user import SystemUser

PR_SET_PDEATHSIG = 1
KILL_TIMEOUT = 2.0


@dataclass(frozen=True)
class Result:
    """Exit status of a command (negative: the signal that ended it) and all its output."""

    status: int
    output: str

    @property
    def last_line(self) -> str:
        """Return the last line of the output, empty if there is none."""
        lines = self.output.strip().splitlines()
        return lines[-1].strip() if lines else ""


def _load_prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Load it here, for little is safe between fork and exec.
    prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    return prctl


_prctl = _load_prctl()


def _dies_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a function for the child to run before exec, so that it dies with this process.

    subprocess calls it after changing the user, as it must: changing the user clears the setting.
    None outside Linux; there, the next start ends the orphans.
    """
    if _prctl is None:
        return None
    prctl, parent = _prctl, os.getpid()

    def before_program() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died before prctl
            os.kill(os.getpid(), signal.SIGKILL)

    return before_program


async def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes] | int | None,
    errors: int = subprocess.STDOUT,
    input: IO[bytes] | int = subprocess.DEVNULL,  # noqa: A002 - as subprocess names it
    environment: Mapping[str, str] | None = None,
    user: SystemUser | None = None,
    folder: Path | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    """Start a child that writes to `output` and gets `death_signal` if this process dies.

    Its errors go there, too, unless `errors` is another place. If `output` is None, the child
    inherits ours. Only root may set `user`. Raises OSError.
    """
    as_user: dict[str, Any] = {}
    if user is not None:
        as_user = {"user": user.uid, "group": user.gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=input,
        stdout=output,
        stderr=None if output is None else errors,
        env=environment,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_dies_with_parent(death_signal),
        **as_user,
    )


async def ends_within(child: asyncio.subprocess.Process, seconds: float) -> bool:
    """Wait up to `seconds` for the child to exit; return whether it did."""
    try:
        async with asyncio.timeout(seconds):
            await child.wait()
    except TimeoutError:
        return False
    return True


def send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to the child but not to its own children."""
    with suppress(ProcessLookupError):
        child.send_signal(number)


def kill_group(child: asyncio.subprocess.Process) -> None:
    """Kill the child and the rest of its process group."""
    # macOS answers "not permitted" for a group of zombies.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


async def kill(child: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
    """Kill the child and its process group, and wait until it has exited.

    With a `number` other than SIGKILL, the child first has a second to end its own children.
    """
    if number != signal.SIGKILL and child.returncode is None:
        send(child, number)
        await ends_within(child, 1.0)
    kill_group(child)
    await ends_within(child, KILL_TIMEOUT)


async def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    user: SystemUser | None = None,
    folder: Path | None = None,
    text: str = "",
) -> Result:
    """Run a command to its end with `text` as its input. Raises OSError.

    When this call is cancelled, the command is terminated (SIGTERM), then killed.
    """
    child = await spawn(
        argv,
        output=subprocess.PIPE,
        environment=environment,
        user=user,
        folder=folder,
        input=subprocess.PIPE,
    )
    try:
        output, _ = await child.communicate(text.encode())
    except asyncio.CancelledError:
        send(child, signal.SIGTERM)
        await ends_within(child, 1.0)
        await kill(child)
        raise
    # communicate() has waited for the child, so its status is known.
    return Result(child.returncode or 0, output.decode(errors="replace"))

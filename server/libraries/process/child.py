"""One child process, at the level of the operating system.

A child gets a session of its own, so that Ctrl-C in the terminal reaches the supervisor alone and
the children can be stopped in order; and it does not outlive the process that started it.
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
class Ended:
    """How a command ended: its exit status (negative: the signal) and all that it printed."""

    status: int
    output: str

    @property
    def last_line(self) -> str:
        """What it said last; empty if it said nothing."""
        lines = self.output.strip().splitlines()
        return lines[-1].strip() if lines else ""


def _loaded_prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Looked up here and not after the fork: little is safe between fork and exec.
    prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    return prctl


_prctl = _loaded_prctl()


def _dies_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that it cannot outlive this process.

    subprocess calls it after changing the user, and it must be so: changing it clears the wish.
    Linux only; elsewhere the next start finds the leftovers.
    """
    if _prctl is None:
        return None
    prctl, parent = _prctl, os.getpid()

    def before_program() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return before_program


async def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes] | int | None,
    environment: Mapping[str, str] | None = None,
    user: SystemUser | None = None,
    folder: Path | None = None,
    reads_input: bool = False,
    death_signal: signal.Signals = signal.SIGKILL,
) -> asyncio.subprocess.Process:
    """Starts a child that writes what it prints to `output` and gets `death_signal` if we die.

    Without `output`, it prints where we do.
    `user` is for root, who may choose whom the child runs as. Raises OSError.
    """
    as_user: dict[str, Any] = {}
    if user is not None:
        as_user = {"user": user.uid, "group": user.gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=subprocess.PIPE if reads_input else subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
        preexec_fn=_dies_with_parent(death_signal),
        **as_user,
    )


async def ends_within(child: asyncio.subprocess.Process, seconds: float) -> bool:
    """Waits for the end of `child`, but no longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await child.wait()
    except TimeoutError:
        return False
    return True


def send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Sends a signal to the child alone; its own children are its business."""
    with suppress(ProcessLookupError):
        child.send_signal(number)


def kill_group(child: asyncio.subprocess.Process) -> None:
    """Kills the child and what is left of its process group."""
    # macOS says "not permitted" for a group in which only the dead are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


async def kill(child: asyncio.subprocess.Process, number: signal.Signals = signal.SIGKILL) -> None:
    """Kills the child with its process group, and waits until it is gone.

    A `number` other than SIGKILL is for a child that, given a second, ends its own children.
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
) -> Ended:
    """Runs a command to its end, giving it `text` to read. Raises OSError.

    When cancelled, it leaves nothing of the command behind: first asked (SIGTERM), then killed.
    """
    child = await spawn(
        argv,
        output=subprocess.PIPE,
        environment=environment,
        user=user,
        folder=folder,
        reads_input=True,
    )
    try:
        output, _ = await child.communicate(text.encode())
    except asyncio.CancelledError:
        send(child, signal.SIGTERM)
        await ends_within(child, 1.0)
        await kill(child)
        raise
    # The child has been waited for by communicate(), so its status is known.
    return Ended(child.returncode or 0, output.decode(errors="replace"))

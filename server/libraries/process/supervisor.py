"""A small supervisor: starts processes, watches them, starts them again, stops them in order.

Each call of `Supervisor.start` is a stage; stages are stopped in the reverse order of their start.
A process that dies before it was ever ready ends the start with a StartError. One that dies later
is started again for as long as the supervisor lives, at a growing distance.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError
from server.libraries.process import child as child_process
from server.libraries.process.system_user import SystemUser

LOG_LIMIT = 10 * 1024 * 1024
LOG_TAIL = 64 * 1024
LOG_INTERVAL = 30.0
PROBE_INTERVAL = 0.05
PROGRESS_INTERVAL = 5.0
FIRST_PAUSE = 0.1
MAX_PAUSE = 5.0
STEADY_AFTER = 10.0

Report = Callable[[str], None]


@dataclass(frozen=True)
class Process:
    """What to run and how to treat it.

    `ready` is asked again and again until it says yes. To stop it, `stop_signal` is sent; if it is
    alive after `stop_timeout` seconds, `kill_signal`, and then SIGKILL to its whole group.
    `death_signal` is what the process gets should the supervisor be killed (on Linux).
    `start_timeout` is None where a slow start is no fault, as when a database recovers.
    `start_attempts` says how many times it may die before it was ever ready.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] | None = None
    user: SystemUser | None = None
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 3.0
    kill_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    start_timeout: float | None = 60.0
    start_attempts: int = 1


class Supervisor:
    """Keeps processes alive until told to stop. `report` gets a short line on each event."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stages: list[list[_ManagedProcess]] = []
        self._force_stop = asyncio.Event()

    async def start(self, *processes: Process) -> None:
        """Starts processes side by side; returns when all are ready.

        Raises StartError, naming the log, if one cannot start. Whatever did start is left to
        `stop`, which must be called in any case.
        """
        keepers = [
            _ManagedProcess(process, self._report, self._force_stop) for process in processes
        ]
        self._stages.append(keepers)
        await _together([keeper.start() for keeper in keepers])

    async def watch(self) -> None:
        """Runs for as long as the processes are kept alive; raises what ends that."""
        keepers = [keeper for stage in self._stages for keeper in stage]
        logs = [keeper.keep_log_short() for keeper in keepers]
        await _together([*(keeper.watch() for keeper in keepers), *logs])

    async def stop(self) -> None:
        """Stops all: the last stage first, the processes of a stage side by side."""
        while self._stages:
            stage = self._stages[-1]
            await _together([keeper.stop() for keeper in stage])
            self._stages.pop()

    def force_stop(self) -> None:
        """Makes `stop` skip waiting."""
        self._force_stop.set()


class _ManagedProcess:
    """Keeps one process alive."""

    def __init__(self, process: Process, report: Report, force_stop: asyncio.Event) -> None:
        self._process = process
        self._report = report
        self._force_stop = force_stop
        self._child: asyncio.subprocess.Process | None = None
        self._started = 0.0
        self._log_start = 0
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts the process and waits until it is ready."""
        process = self._process
        for attempt in range(process.start_attempts):
            await asyncio.sleep(attempt * FIRST_PAUSE)
            try:
                child = await self._spawn()
            except OSError as error:
                raise StartError(f"{process.name} cannot be started: {error}.") from error
            if await self._becomes_ready(child):
                self._keeping = asyncio.create_task(self._keep(child), name=process.name)
                return
            if child.returncode is None:
                raise StartError(
                    f"{process.name} was not ready within {process.start_timeout:.0f} seconds"
                    f"{self._log_end()}"
                )
            child_process.kill_group(child)
        raise StartError(
            f"{process.name} ended with {_named(child.returncode)} before it was ready"
            f"{self._log_end()}"
        )

    async def watch(self) -> None:
        """Waits for the end of the keeping, which comes only with `stop` or a fault in it."""
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    async def keep_log_short(self) -> None:
        """Looks after the log, forever."""
        while True:
            await asyncio.sleep(LOG_INTERVAL)
            # A disk that is full is no reason to stop what works.
            with suppress(OSError):
                keep_log_short(self._process.log)

    async def stop(self) -> None:
        """Stops the process and keeps it from being started again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])  # a fault in it is for `watched` to raise
        child = self._child
        if child is None:
            return
        if child.returncode is None:
            child_process.send(child, self._process.stop_signal)
            await self._ends(child, self._process.stop_timeout)
        if child.returncode is None and not self._force_stop.is_set():
            self._report(f"{self._process.name} does not stop; killing it")
        await child_process.kill(child, self._process.kill_signal)

    async def _keep(self, child: asyncio.subprocess.Process) -> None:
        """Waits for the death of the process and starts it again, forever."""
        pause = FIRST_PAUSE
        while True:
            await child.wait()
            child_process.kill_group(child)
            self._report(
                f"{self._process.name} ended with {_named(child.returncode)}; "
                f"starting it again (log: {self._process.log})"
            )
            steady = time.monotonic() - self._started > STEADY_AFTER
            pause = FIRST_PAUSE if steady else min(2 * pause, MAX_PAUSE)
            await asyncio.sleep(pause)
            child = await self._spawn_at_last()
            if await self._becomes_ready(child):
                self._report(f"{self._process.name} is back")
            else:
                await child_process.kill(child, self._process.kill_signal)

    async def _spawn_at_last(self) -> asyncio.subprocess.Process:
        """Tries until there is memory for a child, a file descriptor, room for its log."""
        while True:
            try:
                return await self._spawn()
            except OSError as error:
                self._report(f"{self._process.name} cannot be started: {error}; trying again")
                await asyncio.sleep(MAX_PAUSE)

    async def _spawn(self) -> asyncio.subprocess.Process:
        process = self._process
        keep_log_short(process.log)
        with process.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = await child_process.spawn(
                process.argv,
                output=log,
                environment=process.environment,
                user=process.user,
                folder=process.folder,
                death_signal=process.death_signal,
            )
        self._started = time.monotonic()
        return self._child

    async def _becomes_ready(self, child: asyncio.subprocess.Process) -> bool:
        """Asks until the process is ready; False if it dies or its time is up."""
        next_word = PROGRESS_INTERVAL
        while child.returncode is None:
            if await self._process.ready():
                return True
            waited = time.monotonic() - self._started
            if self._process.start_timeout is not None and waited > self._process.start_timeout:
                return False
            if waited > next_word:
                next_word += PROGRESS_INTERVAL
                last = self._log_lines()[-1:]
                self._report(f"{self._process.name} is still starting {' '.join(last)}".rstrip())
            await child_process.ends_within(child, PROBE_INTERVAL)
        return False

    async def _ends(self, child: asyncio.subprocess.Process, seconds: float) -> None:
        """Waits for the end of the process, for `seconds` at the most, or for somebody to hurry."""
        waits = [asyncio.create_task(child.wait()), asyncio.create_task(self._force_stop.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _log_lines(self) -> list[str]:
        """What the process has logged since it was started last."""
        with self._process.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - LOG_TAIL))
            return log.read().decode(errors="replace").strip().splitlines()

    def _log_end(self) -> str:
        lines = "".join(f"\n    {line}" for line in self._log_lines()[-10:])
        return (
            f"; its log {self._process.log} ends with:{lines}"
            if lines
            else (f" and wrote nothing to its log {self._process.log}.")
        )


def keep_log_short(log: Path) -> None:
    """Puts a log aside that has grown too long; the one put aside before is lost.

    Copied and emptied, since a process may be writing to it; it appends, so it goes on at the top.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


async def _together(coroutines: list[Coroutine[None, None, None]]) -> None:
    """Runs all side by side; if one fails, the others are cancelled and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None


def _named(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal
        return f"signal {-status}"

"""A small supervisor: starts, watches, restarts and stops processes.

Each call of `Supervisor.start` is a stage. Stages are stopped in the reverse order of their start.
If a process dies before it was ready, the start fails with a StartError. If it dies later, it is
restarted with growing pauses for as long as the supervisor runs.
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
    """A process to run, and how to start and stop it.

    `ready` is polled until it returns True. To stop the process, `stop_signal` is sent; if it is
    alive after `stop_timeout` seconds, `kill_signal`, then SIGKILL to its group. It gets
    `death_signal` if the supervisor is killed (on Linux). `start_timeout` is None if a slow start
    is normal, as when a database recovers. `start_attempts` is how often it may be started before
    it was ready once.
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
    """Keeps processes alive until `stop`. `report` gets a short line for each event."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._stages: list[list[_ManagedProcess]] = []
        self._force_stop = asyncio.Event()

    async def start(self, *processes: Process) -> None:
        """Start processes concurrently; return when all are ready.

        Raises StartError with the end of the log if one cannot start. Call `stop` in any case: it
        ends those that did start.
        """
        stage = [_ManagedProcess(process, self._report, self._force_stop) for process in processes]
        self._stages.append(stage)
        await _gather([managed.start() for managed in stage])

    async def watch(self) -> None:
        """Run until `stop`, rotating the logs. Raises an error of the supervision itself."""
        processes = [managed for stage in self._stages for managed in stage]
        logs = [managed.rotate_log() for managed in processes]
        await _gather([*(managed.watch() for managed in processes), *logs])

    async def stop(self) -> None:
        """Stop all processes, the last stage first, the processes of a stage concurrently."""
        while self._stages:
            stage = self._stages[-1]
            await _gather([managed.stop() for managed in stage])
            self._stages.pop()

    def force_stop(self) -> None:
        """Make `stop` kill processes without waiting."""
        self._force_stop.set()


class _ManagedProcess:
    """One process that is restarted when it dies."""

    def __init__(self, process: Process, report: Report, force_stop: asyncio.Event) -> None:
        self._process = process
        self._report = report
        self._force_stop = force_stop
        self._child: asyncio.subprocess.Process | None = None
        self._started = 0.0
        self._log_start = 0
        self._supervision: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and wait until it is ready."""
        process = self._process
        for attempt in range(process.start_attempts):
            await asyncio.sleep(attempt * FIRST_PAUSE)
            try:
                child = await self._spawn()
            except OSError as error:
                raise StartError(f"{process.name} cannot be started: {error}.") from error
            if await self._becomes_ready(child):
                self._supervision = asyncio.create_task(self._keep(child), name=process.name)
                return
            if child.returncode is None:
                raise StartError(
                    f"{process.name} was not ready within {process.start_timeout:.0f} seconds"
                    f"{self._log_end()}"
                )
            child_process.kill_group(child)
        raise StartError(
            f"{process.name} ended with {_describe(child.returncode)} before it was ready"
            f"{self._log_end()}"
        )

    async def watch(self) -> None:
        """Wait for the supervision to end, which only `stop` or an error in it does."""
        if self._supervision is not None:
            await asyncio.shield(self._supervision)

    async def rotate_log(self) -> None:
        """Rotate the log whenever it is too long, forever."""
        while True:
            await asyncio.sleep(LOG_INTERVAL)
            # A full disk must not stop a process that works.
            with suppress(OSError):
                rotate_log(self._process.log)

    async def stop(self) -> None:
        """Stop the process and its supervision."""
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.wait([self._supervision])  # `watch` raises its error
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
        """Restart the process whenever it dies, forever."""
        pause = FIRST_PAUSE
        while True:
            await child.wait()
            child_process.kill_group(child)
            self._report(
                f"{self._process.name} ended with {_describe(child.returncode)}; "
                f"starting it again (log: {self._process.log})"
            )
            steady = time.monotonic() - self._started > STEADY_AFTER
            pause = FIRST_PAUSE if steady else min(2 * pause, MAX_PAUSE)
            await asyncio.sleep(pause)
            child = await self._spawn_eventually()
            if await self._becomes_ready(child):
                self._report(f"{self._process.name} is back")
            else:
                await child_process.kill(child, self._process.kill_signal)

    async def _spawn_eventually(self) -> asyncio.subprocess.Process:
        """Retry until there are memory, file descriptors and disk for the process."""
        while True:
            try:
                return await self._spawn()
            except OSError as error:
                self._report(f"{self._process.name} cannot be started: {error}; trying again")
                await asyncio.sleep(MAX_PAUSE)

    async def _spawn(self) -> asyncio.subprocess.Process:
        process = self._process
        rotate_log(process.log)
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
        """Poll until the process is ready; False if it dies or times out."""
        next_report = PROGRESS_INTERVAL
        while child.returncode is None:
            if await self._process.ready():
                return True
            waited = time.monotonic() - self._started
            if self._process.start_timeout is not None and waited > self._process.start_timeout:
                return False
            if waited > next_report:
                next_report += PROGRESS_INTERVAL
                last = self._log_lines()[-1:]
                self._report(f"{self._process.name} is still starting {' '.join(last)}".rstrip())
            await child_process.ends_within(child, PROBE_INTERVAL)
        return False

    async def _ends(self, child: asyncio.subprocess.Process, seconds: float) -> None:
        """Wait for the process to exit, for up to `seconds` or until `force_stop`."""
        waits = [asyncio.create_task(child.wait()), asyncio.create_task(self._force_stop.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _log_lines(self) -> list[str]:
        """Return the lines that the process logged since its last start."""
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


def rotate_log(log: Path) -> None:
    """Move a log that is too long to `.1`, replacing the one that is there.

    The log is copied and truncated, for a process may be appending to it.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


async def _gather(coroutines: list[Coroutine[None, None, None]]) -> None:
    """Run all concurrently; if one fails, cancel the others and raise its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _describe(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal
        return f"signal {-status}"

"""Small real processes that record events, and their supervisor."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from server.libraries.process.supervisor import Process, Supervisor
from tests.support.waiting import alive

# Appends a line for each event to the record.
RECORD = """
import os, pathlib, signal, sys, time
name, record = sys.argv[1], pathlib.Path(sys.argv[2])
def log(event):
    with record.open("a") as file:
        file.write(f"{name} {event}\\n")
"""
COOPERATIVE = (
    RECORD
    + """
def leave(*_):
    log("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
log(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
STUBBORN = (
    RECORD
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
log(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
FAMILY = (
    RECORD
    + """
child = os.fork()
log(f"ready {os.getpid()}" if child else f"child {os.getpid()}")
while True:
    signal.pause()
"""
)


@dataclass
class Scene:
    """A supervisor, its reports, and the events that its processes recorded."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.lines.append)
        self.record_file = self.folder / "record"
        self.record_file.touch()

    @property
    def events(self) -> list[str]:
        return self.record_file.read_text().splitlines()

    def pids(self, name: str, word: str = "ready") -> list[int]:
        start = f"{name} {word} "
        return [int(line.removeprefix(start)) for line in self.events if line.startswith(start)]

    def process(self, name: str, script: str) -> Process:
        started_before = len(self.pids(name))

        async def ready() -> bool:
            pids = self.pids(name)
            return len(pids) > started_before and alive(pids[-1])

        return Process(
            name=name,
            argv=(sys.executable, "-c", script, name, str(self.record_file)),
            log=self.folder / f"{name}.log",
            ready=ready,
            stop_timeout=10.0,
        )

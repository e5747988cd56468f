"""Small real processes that tell what happens to them, and a supervisor of theirs."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from server.libraries.process.supervisor import Process, Supervisor
from tests.support.waiting import alive

# Writes its process id where it can be found, and one line of its story per event.
STORY = """
import os, pathlib, signal, sys, time
me, story = sys.argv[1], pathlib.Path(sys.argv[2])
def tell(what):
    with story.open("a") as file:
        file.write(f"{me} {what}\\n")
"""
OBEDIENT = (
    STORY
    + """
def leave(*_):
    tell("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
tell(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
STUBBORN = (
    STORY
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
FAMILY = (
    STORY
    + """
child = os.fork()
tell(f"ready {os.getpid()}" if child else f"child {os.getpid()}")
while True:
    signal.pause()
"""
)


@dataclass
class Scene:
    """A supervisor, what it reported, and what its processes told."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.lines.append)
        self.story_file = self.folder / "story"
        self.story_file.touch()

    @property
    def story(self) -> list[str]:
        return self.story_file.read_text().splitlines()

    def pids(self, name: str, word: str = "ready") -> list[int]:
        start = f"{name} {word} "
        return [int(line.removeprefix(start)) for line in self.story if line.startswith(start)]

    def process(self, name: str, script: str) -> Process:
        started_before = len(self.pids(name))

        async def ready() -> bool:
            pids = self.pids(name)
            return len(pids) > started_before and alive(pids[-1])

        return Process(
            name=name,
            argv=(sys.executable, "-c", script, name, str(self.story_file)),
            log=self.folder / f"{name}.log",
            ready=ready,
            stop_timeout=10.0,
        )

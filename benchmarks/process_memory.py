"""Memory of a process and its descendants, independent of what else runs on the machine.

A page of a file that several processes map is in memory once. PSS divides it among all processes
of the machine; here, it is divided among those of the tree alone, as on a machine of their own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

KIB = 1024
MIB = 1024 * 1024

_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ (\S+) \S+ \S+ *(.*)")
# PostgreSQL's memory is shared among its own processes only, so PSS is right about it.
_SHARED_MEMORY = ("/dev/zero", "/dev/shm", "/SYSV", "/memfd")


@dataclass
class ProcessMemory:
    """The memory of a process in bytes: its own, its part of shared memory, and of files."""

    name: str
    own: float = 0
    shared: float = 0
    files: float = 0
    # By file and offset.
    mappings: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def fixed(self) -> float:
        """Memory that the system cannot take back, as it can pages of files."""
        return self.own + self.shared

    @property
    def total(self) -> float:
        """All of its memory."""
        return self.fixed + self.files


def memory_of(root: psutil.Process) -> list[ProcessMemory]:
    """Measure a process and its descendants, the largest first."""
    found = [
        read
        for process in (root, *root.children(recursive=True))
        if (read := _read(process)) is not None
    ]
    _divide_files(found)
    return sorted(found, key=lambda each: -each.total)


def total(processes: Iterable[ProcessMemory]) -> ProcessMemory:
    """Return the sum."""
    sums = ProcessMemory("total")
    for each in processes:
        sums.own += each.own
        sums.shared += each.shared
        sums.files += each.files
    return sums


def grouped(processes: Iterable[ProcessMemory]) -> list[ProcessMemory]:
    """Return the sums of processes with the same name."""
    by_name: dict[str, list[ProcessMemory]] = defaultdict(list)
    for each in processes:
        by_name[each.name].append(each)
    sums = []
    for name, members in by_name.items():
        sums.append(total(members))
        sums[-1].name = name
    return sorted(sums, key=lambda each: -each.total)


def _read(process: psutil.Process) -> ProcessMemory | None:
    """Read what Linux states about each mapping; None if the process has ended."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps").read_text(encoding="utf-8").splitlines()
        memory = ProcessMemory(_name(process.cmdline()))
    except (OSError, psutil.NoSuchProcess):
        return None
    offset = path = ""
    for line in lines:
        if mapping := _MAPPING.fullmatch(line):
            offset, path = mapping.groups()
            continue
        what, _, size = line.partition(":")
        is_shared = path.startswith(_SHARED_MEMORY)
        if what == "Pss" and is_shared:
            memory.shared += _bytes(size)
        elif what == "Rss" and not is_shared and path.startswith("/"):
            memory.mappings[path, offset] += _bytes(size)
        elif what == "Anonymous" and not is_shared:
            memory.own += _bytes(size)
            if path.startswith("/"):  # pages of a file that were changed
                memory.mappings[path, offset] -= _bytes(size)
    return memory


def _divide_files(processes: list[ProcessMemory]) -> None:
    """Divide each part of a file among its processes: what one has in memory, others have, too."""
    sizes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for process in processes:
        for mapping, size in process.mappings.items():
            sizes[mapping].append(size)
    for process in processes:
        process.files = sum(
            size * max(sizes[mapping]) / sum(sizes[mapping])
            for mapping, size in process.mappings.items()
            if size
        )


def _bytes(text: str) -> int:
    return int(text.removesuffix("kB")) * KIB


def _name(words: list[str]) -> str:
    """Return the part of the stack that a command line belongs to."""
    program = Path(words[0]).name if words else ""
    if program.startswith("postgres"):
        return "PostgreSQL"
    if program in ("envoy", "uv"):
        return program
    for name, word in {"worker": "serve", "web": "web", "supervisor": "up"}.items():
        if word in words:
            return name
    return program

"""Envoy's heap limit, derived from the memory available to this process."""

import os
from pathlib import Path

# More would be of no use: the largest response takes up 0.3 GB for a moment.
MAX_HEAP_BYTES = 1024**3
# For Envoy in a container of its own; the rest is for memory outside its heap.
ALONE = 6 / 7
# For Envoy beside workers and a database.
BESIDE_OTHERS = 1 / 2

_GROUPS = Path("/sys/fs/cgroup")


def heap_bytes(share: float) -> int:
    """Return this share of the available memory, at most MAX_HEAP_BYTES."""
    return min(MAX_HEAP_BYTES, round(memory_bytes() * share))


def memory_bytes(groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the machine's memory, or the limit of the container or service if it is lower.

    `groups` and `own` are the files in which Linux states the limits (cgroup v2).
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(groups, own)])


def _limits(groups: Path, own: Path) -> list[int]:
    if not own.exists():
        return []
    # The line without controllers (0::/a/b) belongs to version 2.
    names = [line[3:] for line in own.read_text().splitlines() if line.startswith("0::")]
    group = groups.joinpath(*(name.strip("/") for name in names))
    enclosing = [path for path in (group, *group.parents) if path.is_relative_to(groups)]
    files = [folder / "memory.max" for folder in enclosing]
    limits = [file.read_text().strip() for file in files if file.exists()]
    return [int(limit) for limit in limits if limit != "max"]

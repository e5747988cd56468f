"""How much memory Envoy may have, from what there is for this process."""

import os
from pathlib import Path

# More is of no use: one reply of the largest size takes 0.3 GB for a while.
MAX_HEAP_BYTES = 1024**3
# Where Envoy is alone, as in a container of its own; it needs some beside its heap.
ALONE = 6 / 7
# Where workers and a database are beside it.
BESIDE_OTHERS = 1 / 2

_GROUPS = Path("/sys/fs/cgroup")


def heap_bytes(share: float) -> int:
    """That share of the memory there is, but not more than is of use."""
    return min(MAX_HEAP_BYTES, round(memory_bytes() * share))


def memory_bytes(groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """The machine's memory, or less if a container or service that we are in has a limit.

    `groups` and `own` are where Linux says so (cgroup v2).
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(groups, own)])


def _limits(groups: Path, own: Path) -> list[int]:
    if not own.exists():
        return []
    # A line without controllers (0::/a/b) is that of version 2.
    names = [line[3:] for line in own.read_text().splitlines() if line.startswith("0::")]
    group = groups.joinpath(*(name.strip("/") for name in names))
    around = [path for path in (group, *group.parents) if path.is_relative_to(groups)]
    said = [path.read_text().strip() for each in around if (path := each / "memory.max").exists()]
    return [int(text) for text in said if text != "max"]

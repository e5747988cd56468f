"""The memory of a whole stack with one worker: docs/decisions/0022-memory.md."""

import sys
from pathlib import Path

import pytest

from benchmarks.memory import COMMAND, small_stack
from benchmarks.process_memory import MIB, grouped, memory_of, total

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

# MiB that the system cannot take back. A tenth above what was measured; pages of files are not
# counted, for they depend on the machine.
LIMITS = {"worker": 84, "envoy": 24, "PostgreSQL": 26, "supervisor": 16}


def test_each_part_stays_small(tmp_path: Path) -> None:
    with small_stack(COMMAND, str(tmp_path / "data")) as (root, _):
        found = grouped(memory_of(root))
    assert {each.name for each in found} == {*LIMITS}
    for each in found:
        assert each.fixed / MIB < LIMITS[each.name], f"{each.name}: {each.fixed / MIB:.1f} MiB"
    assert total(found).fixed / MIB < 140

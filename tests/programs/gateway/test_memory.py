"""How much memory Envoy is given, by what there is."""

import os
from pathlib import Path

import pytest

from server.programs.gateway import memory_limit
from server.programs.gateway.memory_limit import MAX_HEAP_BYTES, heap_bytes, memory_bytes

GIB = 1024**3
MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """The groups of a system, whose outermost has no limit."""
    folder = tmp_path / "groups"
    (folder / "services" / "gymlocker").mkdir(parents=True)
    (folder / "services" / "memory.max").write_text("max\n")
    return folder


def member_of(group: str, folder: Path) -> Path:
    """What Linux says to a process in this group."""
    own = folder / "own"
    own.write_text(f"12:memory:/of/version/1\n0::{group}\n")
    return own


def test_a_limit_counts_for_all_within(groups: Path, tmp_path: Path) -> None:
    own = member_of("/services/gymlocker", tmp_path)
    assert memory_bytes(groups, own) == MACHINE
    (groups / "services" / "gymlocker" / "memory.max").write_text("200000000\n")
    assert memory_bytes(groups, own) == 200_000_000
    (groups / "services" / "memory.max").write_text("100000000\n")
    assert memory_bytes(groups, own) == 100_000_000


def test_a_container_sees_its_own_group_as_the_outermost(groups: Path, tmp_path: Path) -> None:
    (groups / "memory.max").write_text("100000000\n")
    assert memory_bytes(groups, member_of("/", tmp_path)) == 100_000_000


def test_where_there_are_no_groups_the_machine_counts(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path, tmp_path / "nothing") == MACHINE


@pytest.mark.parametrize(
    ("there_is", "share", "given"),
    [
        (GIB, 1 / 2, GIB // 2),
        (64 * GIB, 1 / 2, MAX_HEAP_BYTES),
        (7 * GIB // 8, 6 / 7, 3 * GIB // 4),
    ],
)
def test_envoy_has_its_share_up_to_what_is_of_use(
    monkeypatch: pytest.MonkeyPatch, there_is: int, share: float, given: int
) -> None:
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda: there_is)
    assert heap_bytes(share) == given

"""The heap limit of Envoy, by the available memory."""

import os
from pathlib import Path

import pytest

from server.programs.gateway import memory_limit
from server.programs.gateway.memory_limit import MAX_HEAP_BYTES, heap_bytes, memory_bytes

GIB = 1024**3
MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """Control groups whose outermost group has no limit."""
    folder = tmp_path / "groups"
    (folder / "services" / "gymlocker").mkdir(parents=True)
    (folder / "services" / "memory.max").write_text("max\n")
    return folder


def member_of(group: str, folder: Path) -> Path:
    """Return the file that names the group of a process."""
    own = folder / "own"
    own.write_text(f"12:memory:/of/version/1\n0::{group}\n")
    return own


def test_limit_applies_to_nested_groups(groups: Path, tmp_path: Path) -> None:
    own = member_of("/services/gymlocker", tmp_path)
    assert memory_bytes(groups, own) == MACHINE
    (groups / "services" / "gymlocker" / "memory.max").write_text("200000000\n")
    assert memory_bytes(groups, own) == 200_000_000
    (groups / "services" / "memory.max").write_text("100000000\n")
    assert memory_bytes(groups, own) == 100_000_000


def test_uses_limit_of_outermost_group_in_container(groups: Path, tmp_path: Path) -> None:
    (groups / "memory.max").write_text("100000000\n")
    assert memory_bytes(groups, member_of("/", tmp_path)) == 100_000_000


def test_uses_memory_of_machine_without_groups(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path, tmp_path / "nothing") == MACHINE


@pytest.mark.parametrize(
    ("available", "share", "expected"),
    [
        (GIB, 1 / 2, GIB // 2),
        (64 * GIB, 1 / 2, MAX_HEAP_BYTES),
        (7 * GIB // 8, 6 / 7, 3 * GIB // 4),
    ],
)
def test_heap_is_share_up_to_maximum(
    monkeypatch: pytest.MonkeyPatch, available: int, share: float, expected: int
) -> None:
    monkeypatch.setattr(memory_limit, "memory_bytes", lambda: available)
    assert heap_bytes(share) == expected

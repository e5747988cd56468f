"""The first start of `gymlocker up` on a full disk."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.command import gymlocker

pytestmark = pytest.mark.extended


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Mount a disk of `size`, which requires root and a machine that permits it."""
    with TemporaryDirectory(prefix="gymlocker-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("a disk cannot be mounted here")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


# Without room for the lock, for a key, and for a database.
@pytest.mark.parametrize("size", ["4k", "20k", "20m"])
async def test_full_disk_is_reported_in_one_sentence(size: str) -> None:
    with small_disk(size) as disk:
        ended = await gymlocker(
            "up", "--port=0", "--workers=1", f"--data-dir={disk}/data", DATABASE_URL=""
        )
        assert ended.code == 1
        assert "no room left on the disk" in ended.errors or "No space left" in ended.errors
        assert "Traceback" not in ended.errors
        assert list((disk / "data").glob("postgres/data")) == []

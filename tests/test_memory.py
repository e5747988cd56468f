"""Memory for large blocks is kept: a block that is freed and made again costs no page faults."""

import subprocess
import sys

PICTURES, PICTURE_BYTES, PAGE_BYTES = 200, 2_000 * 1024, 4_096
FAULTS = f"""
import resource
{{before}}
began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({PICTURES}):
    bytes({PICTURE_BYTES}) + b"1"
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""


def faults(before: str) -> int:
    """The page faults of a process that makes and drops large blocks."""
    run = [sys.executable, "-c", FAULTS.format(before=before)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def test_blocks_of_a_pictures_size_are_kept() -> None:
    all_of_them = PICTURES * PICTURE_BYTES // PAGE_BYTES
    kept = faults("from server.memory import keep_large_blocks; keep_large_blocks()")
    assert kept < all_of_them / 20
    assert faults("") > all_of_them / 4

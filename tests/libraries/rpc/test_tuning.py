"""What the libraries below a worker are told is what they know, and does what it is for."""

import os
import subprocess
import sys

from server.libraries.rpc.tuning import EXPERIMENTS

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
    kept = faults("from server.libraries.rpc.tuning import keep_large_blocks; keep_large_blocks()")
    assert kept < all_of_them / 20
    assert faults("") > all_of_them / 4


def test_grpc_knows_its_experiments() -> None:
    assert "Unknown experiment" in said_by_grpc("-no_such_experiment")
    assert "Unknown experiment" not in said_by_grpc(EXPERIMENTS)


def said_by_grpc(experiments: str) -> str:
    """What grpc says when it starts."""
    start = "import grpc; grpc.insecure_channel('unix:/nowhere').close()"
    environment = {**os.environ, "GRPC_EXPERIMENTS": experiments}
    run = [sys.executable, "-c", start]
    return subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stderr

"""Tuning of a worker's process: the libraries accept the settings, and these have an effect."""

import os
import subprocess
import sys

from server.libraries.rpc.tuning import EXPERIMENTS

PICTURES, PICTURE_BYTES, PAGE_BYTES = 200, 2_000 * 1024, 4_096
SCRIPT = f"""
import resource
{{before}}
began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({PICTURES}):
    bytes({PICTURE_BYTES}) + b"1"
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began)
"""


def page_faults(before: str) -> int:
    """Count the page faults of a process that allocates and frees large blocks."""
    run = [sys.executable, "-c", SCRIPT.format(before=before)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def test_keeps_blocks_of_a_pictures_size() -> None:
    all_pages = PICTURES * PICTURE_BYTES // PAGE_BYTES
    kept = page_faults(
        "from server.libraries.rpc.tuning import keep_large_blocks; keep_large_blocks()"
    )
    assert kept < all_pages / 20
    assert page_faults("") > all_pages / 4


def test_grpc_knows_the_experiments() -> None:
    assert "Unknown experiment" in stderr_of_grpc("-no_such_experiment")
    assert "Unknown experiment" not in stderr_of_grpc(EXPERIMENTS)


def stderr_of_grpc(experiments: str) -> str:
    """Return what grpc writes to stderr when it starts."""
    start = "import grpc; grpc.insecure_channel('unix:/nowhere').close()"
    environment = {**os.environ, "GRPC_EXPERIMENTS": experiments}
    run = [sys.executable, "-c", start]
    return subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stderr


def test_structlog_does_not_find_rich() -> None:
    start = (
        "import sys; from server.libraries.rpc.tuning import tune; tune(); import structlog\n"
        "print('rich' in sys.modules, structlog.dev.rich); import rich"
    )
    run = [sys.executable, "-c", start]
    found = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert found == "False None\n"


def test_returns_memory_that_is_kept() -> None:
    script = (
        "import asyncio, psutil\n"
        "from server.libraries.rpc.tuning import keep_large_blocks, return_freed_memory\n"
        "keep_large_blocks()\n"
        f"blocks = [b'1' * {PICTURE_BYTES} for _ in range(10)]\n"
        "del blocks\n"
        "before = psutil.Process().memory_info().rss\n"
        "asyncio.run(return_freed_memory())\n"
        "print(before - psutil.Process().memory_info().rss)\n"
    )
    run = [sys.executable, "-c", script]
    freed = int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    assert freed > 5 * PICTURE_BYTES

"""Memory of the whole of `gymlocker up --workers 1`, by process: idle and under load.

    uv run python -m benchmarks.memory

Requires Linux. `fixed` is what the system cannot take back: memory of processes and shared memory.
`files` are pages of programs and libraries, which it can drop and read again.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import psutil
import typer

from benchmarks.household import spend_an_evening
from benchmarks.launcher import UNLIMITED
from benchmarks.process_memory import MIB, ProcessMemory, grouped, memory_of, total

API_KEY = "a-key-of-the-household"
COMMAND = (sys.executable, "-P", "-m", "server")
WITH_UV = ("uv", "run", "gymlocker")
SAMPLE_SECONDS = 0.1


@contextmanager
def small_stack(command: tuple[str, ...], folder: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run a stack with one worker; yield its process and its URL."""
    with subprocess.Popen(
        [*command, "up", f"--data-dir={folder}", "--port=0", "--workers=1"],
        env={**os.environ, **UNLIMITED, "API_KEY": API_KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield psutil.Process(process.pid), process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.wait()


async def highest_during_load(root: psutil.Process, url: str) -> list[ProcessMemory]:
    """Return the memory of all processes at the moment when they take the most."""
    load = asyncio.create_task(spend_an_evening(url, API_KEY))
    highest = memory_of(root)
    while not load.done():
        found = await asyncio.to_thread(memory_of, root)
        highest = max(highest, found, key=lambda each: total(each).total)
        await asyncio.sleep(SAMPLE_SECONDS)
    await load
    return highest


def main(
    uv: Annotated[bool, typer.Option(help="Start with `uv run`, which stays in memory.")] = False,
    settle: Annotated[float, typer.Option(help="Seconds to wait before `idle`.")] = 65,
) -> None:
    """Measure and print."""
    command = WITH_UV if uv else COMMAND
    with tempfile.TemporaryDirectory(prefix="gymlocker-benchmark-") as folder:
        for state in ("new", "existing"):
            began = time.monotonic()
            with small_stack(command, folder) as (root, url):
                print(f"start with {state} data: {time.monotonic() - began:.1f} s")
                if state == "existing":
                    time.sleep(settle)
                    report("idle", memory_of(root))
                    report("load", asyncio.run(highest_during_load(root, url)))
                    time.sleep(settle)
                    report("idle again", memory_of(root))


def report(title: str, processes: list[ProcessMemory]) -> None:
    """Print the memory of each part of the stack in MiB."""
    print(f"\n{title:12}{'fixed':>8}{'files':>8}{'total':>8}   MiB")
    for each in (*grouped(processes), total(processes)):
        sizes = (each.fixed, each.files, each.total)
        print(f"{each.name:12}" + "".join(f"{size / MIB:8.1f}" for size in sizes))


if __name__ == "__main__":
    typer.run(main)

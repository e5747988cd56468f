"""Starts contenders for a test and stops them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FLOOR = "floor"
IN_THE_LOOP = "floor, hashing in the loop"
# By name: a module of this package, and what it is told.
GRPC_CONTENDERS: dict[str, tuple[str, ...]] = {
    FLOOR: ("floor",),
    IN_THE_LOOP: ("floor", "--passwords=loop"),
}
REST_CONTENDERS: dict[str, tuple[str, ...]] = {
    "FastAPI, ORM": ("peer", "--layer=orm"),
    "FastAPI, Core": ("peer", "--layer=core"),
    "FastAPI, asyncpg": ("peer", "--layer=asyncpg"),
    "FastAPI, asyncpg, passwords remembered": (
        "peer",
        "--layer=asyncpg",
        "--passwords=remembered",
    ),
}
CONTENDERS = {**GRPC_CONTENDERS, **REST_CONTENDERS}


@asynccontextmanager
async def running(
    name: str, *, listen: str, database: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs one of CONTENDERS on `listen` (unix:PATH or HOST:PORT) from when it serves."""
    module, *options = CONTENDERS[name]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", f"benchmarks.contenders.{module}"),
        *(f"--listen={listen}", f"--database={database}", *options),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        first = await process.stdout.readline()
        assert first == b"serving\n", f"{name} did not start"
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()

"""Running contenders for tests."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FLOOR = "floor"
IN_THE_LOOP = "floor, hashing in the loop"
# Module in benchmarks.contenders and options, by name.
GRPC_CONTENDERS: dict[str, tuple[str, ...]] = {
    FLOOR: ("floor",),
    IN_THE_LOOP: ("floor", "--passwords=loop"),
}
REST_CONTENDERS: dict[str, tuple[str, ...]] = {
    "FastAPI, ORM": ("peer", "--layer=orm"),
    "FastAPI, Core": ("peer", "--layer=core"),
    "FastAPI, asyncpg": ("peer", "--layer=asyncpg"),
    "FastAPI, asyncpg, passwords cached": ("peer", "--layer=asyncpg", "--passwords=cached"),
}
CONTENDERS = {**GRPC_CONTENDERS, **REST_CONTENDERS}


@asynccontextmanager
async def running(
    name: str, *, listen: str, database: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one of CONTENDERS on `listen` (unix:PATH or HOST:PORT); yield when it is ready."""
    module, *options = CONTENDERS[name]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", f"benchmarks.contenders.{module}"),
        *(f"--listen={listen}", f"--database={database}", *options),
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        first_line = await process.stdout.readline()
        assert first_line == b"serving\n", f"{name} did not start"
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()

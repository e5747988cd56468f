"""Commands of a server's operator, run as processes."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass

from server.libraries.common.paths import MIGRATIONS

COMMAND_TIMEOUT = 60


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    output: str
    errors: str


async def gymlocker(*arguments: str, **environment: str) -> Result:
    """Run `gymlocker` to its end."""
    return await _run("server", *arguments, environment=environment)


async def alembic(*arguments: str, **environment: str) -> Result:
    """Run `alembic` in the repository to its end."""
    return await _run("alembic", *arguments, environment=environment)


async def _run(module: str, *arguments: str, environment: dict[str, str]) -> Result:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        env={**os.environ, **environment},
        cwd=MIGRATIONS.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Result(process.returncode, output.decode(), errors.decode())

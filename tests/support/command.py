"""The commands of a person who runs a Gymlocker, as processes."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass

from server.libraries.common.paths import MIGRATIONS

COMMAND_SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it printed."""

    code: int
    output: str
    errors: str


async def gymlocker(*arguments: str, **environment: str) -> Ended:
    """Runs `gymlocker` to its end."""
    return await _run("server", *arguments, environment=environment)


async def alembic(*arguments: str, **environment: str) -> Ended:
    """Runs `alembic` in the repository to its end."""
    return await _run("alembic", *arguments, environment=environment)


async def _run(module: str, *arguments: str, environment: dict[str, str]) -> Ended:
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
        async with asyncio.timeout(COMMAND_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())

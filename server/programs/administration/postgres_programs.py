"""PostgreSQL's own programs: those that came with the embedded PostgreSQL, or those on PATH.

A pg_dump older than the server refuses to work, and a dump is best restored by the programs of the
server's version.
"""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from server.errors import StartError
from server.libraries.process import child as child_process
from server.programs.local.postgres import programs as embedded_programs

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


async def programs_for(server: int, *names: str) -> Path:
    """Return the folder of programs for a server of the major version `server`.

    Programs of that version are preferred to newer ones. Raises StartError if there are none.
    """
    found = {await _version(folder / names[0]): folder for folder in _folders(*names)}
    usable = sorted(version for version in found if version >= server)
    if usable:
        return found[usable[0]]
    install = f"install PostgreSQL's client programs of version {server} or newer"
    if any(found):
        raise StartError(
            f"{names[0]} is of version {max(found)}, and the database of version {server}: "
            f"{install}."
        )
    raise StartError(f"{names[0]} is missing: {install}, or gymlocker[local].")


def _folders(*names: str) -> Iterator[Path]:
    if (first := shutil.which(names[0])) is not None:
        yield Path(first).parent
    try:
        embedded = embedded_programs()
    except StartError:
        return
    # Last, so that it wins over one of the same version.
    if all((embedded / name).exists() for name in names):
        yield embedded


async def _version(program: Path) -> int:
    """Return the major version of a program, 0 if it cannot be run."""
    try:
        ended = await child_process.run([str(program), "--version"])
    except OSError:
        return 0
    version = _VERSION.search(ended.output)
    return int(version[1]) if version else 0


class RunningProgram:
    """A program whose errors are collected."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        assert child.stderr is not None  # noqa: S101 - it was started with a pipe
        self.child = child
        self._stderr = asyncio.create_task(child.stderr.read())

    async def ends_within(self, seconds: float) -> bool:
        """Wait up to `seconds` for its end; return whether it has ended."""
        return await child_process.ends_within(self.child, seconds)

    async def error(self) -> str:
        """Wait for its end; return its errors on one line, "" if it was successful."""
        if not await self.child.wait():
            return ""
        lines = (await self._stderr).decode(errors="replace").split("\n")
        return " ".join(" ".join(lines).split()) or f"it ended with {self.child.returncode}"

    async def close(self) -> None:
        """Kill it if it runs."""
        if self.child.returncode is None:
            await child_process.kill(self.child)
        self._stderr.cancel()


@asynccontextmanager
async def running(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    output: IO[bytes] | int,
    input: IO[bytes] | int = subprocess.DEVNULL,  # noqa: A002 - as subprocess names it
) -> AsyncIterator[RunningProgram]:
    """Run a program; kill it at the end of the context if it has not ended. Raises StartError."""
    try:
        child = await child_process.spawn(
            [str(part) for part in argv],
            output=output,
            errors=subprocess.PIPE,
            input=input,
            environment=environment,
        )
    except OSError as error:
        raise StartError(f"{argv[0]} cannot be run ({error.strerror}).") from error
    program = RunningProgram(child)
    try:
        yield program
    finally:
        await program.close()

"""Running the command `gymlocker` as a process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.command import Result

TIMEOUT_SECONDS = 60


@contextmanager
def started(*arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command with a pipe as its input; kill it at the end of the context."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "server", *arguments],
        # Colours that are forced on the tests must not apply to the command.
        env={key: value for key, value in os.environ.items() if key != "FORCE_COLOR"},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Result:
    """Wait for the end of a command."""
    output, errors = process.communicate(stdin, timeout=TIMEOUT_SECONDS)
    return Result(process.returncode, (output or b"").decode(), errors.decode())


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run a command to its end."""
    with started(*arguments) as process:
        return end(process, stdin)

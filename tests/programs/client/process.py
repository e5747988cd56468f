"""The command `gymlocker` as a process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.command import Ended

SECONDS = 60


@contextmanager
def started(*arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose input is a pipe. It ends with the context at the latest."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "server", *arguments],
        # The colours of a run of the tests are not the commands'.
        env={key: value for key, value in os.environ.items() if key != "FORCE_COLOR"},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Ended:
    """Lets a command run to its end."""
    output, errors = process.communicate(stdin, timeout=SECONDS)
    return Ended(process.returncode, (output or b"").decode(), errors.decode())


def run(*arguments: str, stdin: bytes = b"") -> Ended:
    """Runs a command to its end."""
    with started(*arguments) as process:
        return end(process, stdin)

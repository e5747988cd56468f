"""The command `gymlocker` as a process."""

import os
import subprocess
import sys

from tests.database.command import Ended

SECONDS = 30


def start(*arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Starts a command whose input is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "server", *arguments],
        # The colours of a run of the tests are not the commands'.
        env={key: value for key, value in os.environ.items() if key != "FORCE_COLOR"},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def end(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Ended:
    """Lets a command run to its end."""
    try:
        output, errors = process.communicate(stdin, timeout=SECONDS)
    finally:
        process.kill()
    return Ended(process.returncode, (output or b"").decode(), errors.decode())


def run(*arguments: str, stdin: bytes = b"") -> Ended:
    """Runs a command to its end."""
    return end(start(*arguments), stdin)

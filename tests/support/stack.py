"""The whole stack for tests, as `gymlocker up` runs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port

# Tests share an address and create many users. Tests of the limits lower them.
UNLIMITED = {
    "BACKUPS_PER_USER": "0",
    "INBOX_PER_NETWORK": "0",
    "NEW_USERS_PER_ADDRESS": "0",
    "PUSH_REGISTRATIONS_PER_USER": "0",
    "STORAGE_PER_NETWORK": "0",
    "WRONG_SECRETS_PER_ADDRESS": "0",
}
# The API_KEY of the stack that tests share, and the local address whose forwarded names it trusts.
SHARED_KEY = "canary-of-the-shared-key"
TRUSTED_PROXY = "127.0.0.9"
READY = re.compile(r"ready at (https?://\S+)")
STOP_TIMEOUT = 60


@dataclass(frozen=True)
class Stack:
    """A running stack: its URL, and its data folder with logs and sockets."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        """Return host:port, as for gRPC channels and grpcurl."""
        return self.url.partition("://")[2]

    @property
    def port(self) -> int:
        """Return the port of its address."""
        return int(self.address.rpartition(":")[2])

    def logs(self) -> str:
        """Return the content of all logs so far."""
        return "".join(path.read_text() for path in sorted((self.data_dir / "logs").iterdir()))


@contextmanager
def running_stack(
    data_dir: Path,
    *options: str,
    workers: int = 1,
    port: int | None = None,
    program: str = "server",
    **environment: str,
) -> Iterator[Stack]:
    """Run `gymlocker up`, and stop it as Ctrl-C would.

    `environment` is added to that of the tests; without a DATABASE_URL, PostgreSQL is embedded.
    `program` is the module that runs as `gymlocker`.
    """
    place = (f"--data-dir={data_dir}", f"--port={port or free_port()}")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", program, "up", *place, f"--workers={workers}", *options],
        env={**os.environ, **UNLIMITED, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Stack(_address(process), data_dir, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(STOP_TIMEOUT)
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if ready := READY.search(line):
            return ready[1]
    raise AssertionError(f"gymlocker up ended with {process.wait()} before it was ready")

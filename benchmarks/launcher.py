"""Processes of the benchmarks: workers, gateways and other contenders."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks.h2load import LoadError
from server.programs.local.options import free_address

# A busy machine takes long.
START_SECONDS = 300
STOP_SECONDS = 10

# All calls of a benchmark come from one address.
UNLIMITED = {
    "INBOX_PER_NETWORK": "0",
    "NEW_USERS_PER_ADDRESS": "0",
    "STORAGE_PER_NETWORK": "0",
    "WATCHERS_PER_ADDRESS": "0",
    "WRONG_SECRETS_PER_ADDRESS": "0",
}


class Launcher:
    """A starter of processes, which are stopped when `stack` is closed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-"))
        self.folder = Path(folder)
        self._log = stack.enter_context((self.folder / "log").open("a+"))
        self._environment = {
            **os.environ,
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "DRAIN_SECONDS": "0",
            **UNLIMITED,
        }

    def worker(
        self, url: str, listen: str, *, module: str = "server", **settings: str
    ) -> psutil.Process:
        """Start a Gymlocker worker on the database."""
        options = ("serve", "--listen", listen)
        return self.start(module, *options, folder=None, DATABASE_URL=url, **settings)

    def gateway(self, port: int, *workers: str) -> psutil.Process:
        """Start Envoy in front of workers."""
        options = [option for worker in workers for option in ("--worker", worker)]
        return self.start("server", "gateway", "--listen", f"127.0.0.1:{port}", *options)

    def start(
        self,
        module: str,
        *options: str,
        python: str = sys.executable,
        folder: Path | None = None,
        **settings: str,
    ) -> psutil.Process:
        """Start a Python module, in another folder if one is given."""
        process = subprocess.Popen(
            [python, "-P", "-m", module, *options],
            cwd=folder,
            env={**self._environment, **settings},
            stdout=self._log,
            stderr=self._log,
        )
        self._stack.callback(_stop, process)
        return psutil.Process(process.pid)

    def wait_for(self, port: int) -> None:
        """Wait until a process listens on `port`. Raise LoadError with the log if none does."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    self._log.seek(0)
                    raise LoadError(f"port {port} is not open:\n{self._log.read()}") from error
                time.sleep(0.05)
            else:
                return


def free_port() -> int:
    """Return an unused local port."""
    return free_address("127.0.0.1", 0).port


def postgres_process() -> psutil.Process:
    """Return the PostgreSQL process that this process started last."""
    own = [child for child in psutil.Process().children() if child.name() == "postgres"]
    return own[-1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

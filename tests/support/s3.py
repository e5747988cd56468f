"""A real S3 server for tests: versitygw, which keeps each bucket in a folder."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.tools import require

ACCESS_KEY, SECRET_KEY = "gymlocker", "a secret of the tests"
BUCKET = "backups"
START_TIMEOUT = 20


class S3Server:
    """A server on a folder, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.bucket = folder / BUCKET
        self.bucket.mkdir(parents=True)
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a server that stores its backups here."""
        return {
            "BACKUP_STORE": f"s3://{BUCKET}/some/prefix",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
        }

    @property
    def objects(self) -> Path:
        """Return the folder of the objects."""
        return self.bucket / "some" / "prefix" / "objects"

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        place = f"127.0.0.1:{self._port}"
        command = ["versitygw", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--port", place]
        self._process = subprocess.Popen(
            [*command, "posix", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
            except OSError:
                assert time.monotonic() < deadline, "versitygw does not listen"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """Kill the server."""
        if self._process:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Run a server on an empty folder."""
    require("versitygw")
    server = S3Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)

"""A real NATS server for tests."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port
from tests.support.tools import require

START_TIMEOUT = 20


class NatsServer:
    """A server that can be killed and started again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the URL of the server."""
        return f"nats://127.0.0.1:{self.port}"

    def url_for(self, *credentials: str) -> str:
        """Return the URL with a percent-encoded user and password, or a token."""
        return f"nats://{':'.join(credentials)}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it listens."""
        self._process = subprocess.Popen(
            ["nats-server", "--addr", "127.0.0.1", "--port", str(self.port), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < deadline, "nats-server does not listen"
                time.sleep(0.02)
            else:
                return

    def send_signal(self, number: signal.Signals) -> None:
        """Stop or continue the server."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the server."""
        if self._process:
            self._process.kill()
            self._process.wait()


@contextmanager
def running_nats(*options: str) -> Iterator[NatsServer]:
    """Run a server."""
    require("nats-server")
    server = NatsServer(*options)
    server.start()
    try:
        yield server
    finally:
        server.kill()

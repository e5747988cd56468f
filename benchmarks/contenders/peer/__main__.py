"""Entry point of the peer, a single process: `python -m benchmarks.contenders.peer`."""

import argparse
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from benchmarks.contenders.peer.app import create_app
from benchmarks.contenders.peer.bare import BareStorage
from benchmarks.contenders.peer.core import CoreStorage
from benchmarks.contenders.peer.orm import OrmStorage
from benchmarks.contenders.peer.passwords import PASSWORDS
from benchmarks.contenders.peer.storage import Storage

UNIX = "unix:"
# Equal to the idle timeout of Gymlocker's web process.
KEEP_ALIVE_SECONDS = 75
LAYERS: dict[str, Callable[[str], Storage]] = {
    "orm": OrmStorage,
    "core": CoreStorage,
    "asyncpg": BareStorage,
}


class Server(uvicorn.Server):
    """A server that prints a line when it is ready."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        if self.started:
            print("serving", flush=True)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--layer", choices=LAYERS, default="orm")
    parser.add_argument("--passwords", choices=PASSWORDS, default="thread")
    options = parser.parse_args()
    app = create_app(LAYERS[options.layer](options.database), PASSWORDS[options.passwords]())
    config = uvicorn.Config(
        app,
        **_address(options.listen),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    Server(config).run()


def _address(listen: str) -> dict[str, Any]:
    if listen.startswith(UNIX):
        return {"uds": listen.removeprefix(UNIX)}
    host, _, port = listen.rpartition(":")
    return {"host": host, "port": int(port)}


if __name__ == "__main__":
    main()

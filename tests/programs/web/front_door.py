"""Envoy in front of the hubs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from server.programs.gateway.config import Gateway, render
from tests.programs.gateway.processes import DESCRIPTOR_SET, TEMPLATE, envoy_command
from tests.support.ports import free_port

WITHIN = 15.0


class Door:
    """A running Envoy."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder

    def written(self) -> str:
        """Return all log output."""
        return "".join((self._folder / name).read_text() for name in ("access.log", "stderr"))


@asynccontextmanager
async def front_door(web: str | None) -> AsyncIterator[Door]:
    """Run Envoy in front of the web process at a unix socket, without workers."""
    with tempfile.TemporaryDirectory(prefix="web-door-") as name:
        folder = Path(name)
        gateway = Gateway(
            host="127.0.0.1",
            port=free_port(),
            workers=(f"unix:{folder}/worker.sock",),
            descriptor_set=DESCRIPTOR_SET,
            web=web and f"unix:{web}",
            access_log=str(folder / "access.log"),
        )
        (folder / "envoy.yaml").write_text(render(TEMPLATE.read_text(), gateway))
        with (folder / "stderr").open("w") as stderr:
            envoy = await asyncio.create_subprocess_exec(
                *envoy_command(folder / "envoy.yaml"), stderr=stderr
            )
        try:
            async with asyncio.timeout(WITHIN):
                await _listens(gateway.port)
            yield Door(folder, gateway.port)
        finally:
            envoy.kill()
            await envoy.wait()


async def _listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            await writer.wait_closed()
            return

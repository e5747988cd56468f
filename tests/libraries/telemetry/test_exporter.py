"""The listener of a worker's metrics, and its errors."""

import signal
import socket
from pathlib import Path

import psutil
import pytest

from tests.support.worker import health, serving

pytestmark = pytest.mark.extended


async def test_rejects_a_port_in_use(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        option = f"--metrics=127.0.0.1:{taken.getsockname()[1]}"
        async with serving(tmp_path / "s", database_url, option, stderr=str(log)) as process:
            assert await process.wait() == 1
    assert "Cannot listen on 127.0.0.1:" in log.read_text()
    assert "--metrics" in log.read_text()


async def test_rejects_an_invalid_address(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    async with serving(tmp_path / "s", database_url, "--metrics=here", stderr=str(log)) as process:
        assert await process.wait() == 1
    assert "--metrics here is not host:port" in log.read_text()


@pytest.mark.parametrize(("options", "ports"), [((), 0), (("--metrics=0",), 1)])
async def test_listens_only_if_enabled(
    database_url: str, tmp_path: Path, options: tuple[str, ...], ports: int
) -> None:
    socket_path = tmp_path / "worker.sock"
    async with serving(socket_path, database_url, *options) as process:
        assert await health(socket_path) == "ok"
        connections = psutil.Process(process.pid).net_connections("inet")
        listening = [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN]
        assert listening == ["127.0.0.1"] * ports
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

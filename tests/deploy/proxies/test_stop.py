"""Ctrl-C on Gymlocker while clients of a proxy are connected."""

import asyncio
import signal
import ssl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.deploy.proxies.programs import NAMES, running_proxy
from tests.programs.web.client import Signal
from tests.services.ai.planner.model_server import ModelServer
from tests.support.ports import free_port
from tests.support.stack import running_stack

pytestmark = pytest.mark.extended


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
async def test_ends_streams_and_a_restart_serves_again(
    name: str, empty_database: str, tmp_path: Path
) -> None:
    port = free_port()
    settings: dict[str, Any] = {
        "DATABASE_URL": empty_database,
        "TRUSTED_PROXIES": "1",
        "WEB_AUTH_API_KEY": "good",
    }
    (tmp_path / "proxy").mkdir()
    async with (
        ModelServer() as model,
        running_proxy(name, tmp_path / "proxy", f"127.0.0.1:{port}") as proxy,
        proxy.client() as client,
    ):
        settings["OPENAI_BASE_URL"] = model.url
        trusted = ssl.create_default_context(cafile=proxy.root)
        hub = f"wss://{proxy.url.removeprefix('https://')}/ai-chat?access_token=Web%20good"
        with running_stack(tmp_path / "stack", port=port, **settings) as stack:
            async with connect(hub, ssl=trusted, ping_interval=None) as socket:
                signalr = Signal(socket)
                await signalr.shake_hands()
                stack.process.send_signal(signal.SIGINT)
                _, code = await signalr.end()
                assert code in (1001, 1006)
            assert await asyncio.to_thread(stack.process.wait, 30) == 0
        response = await client.get("/health")
        assert response.status_code == 502
        with running_stack(tmp_path / "stack", port=port, **settings):
            assert (await client.get("/health")).json() == {"status": "ok"}

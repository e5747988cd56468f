"""The hubs behind Envoy."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .client import Front, Signal
from .fake_api import FakeAi
from .front_door import Door, front_door

pytestmark = pytest.mark.extended

CANARY = "canary-5d1e"
ORIGIN = "https://app.example"


@pytest.fixture
async def door(front: Front) -> AsyncIterator[Door]:
    """Envoy in front of the hubs."""
    async with front_door(front.path) as door:
        yield door


async def test_conversation_through_envoy(door: Door, api: FakeAi) -> None:
    async with httpx2.AsyncClient(base_url=door.url, verify=False) as client:
        hubs = ("ai-chat", "ai-chat-v2", "v2/ai-chat", "v2/ai-chat-v2")
        for hub in hubs:
            query = "negotiateVersion=1&access_token=Web%20good"
            offer = await client.post(f"/{hub}/negotiate?{query}", headers={"x-request-id": hub})
            assert offer.json()["negotiateVersion"] == 1
            url = f"ws://127.0.0.1:{door.port}/{hub}?id=1&access_token=Web%20good"
            async with connect(url) as socket:
                signal = Signal(socket)
                await signal.shake_hands()
                arguments = ["de-DE"] if hub.endswith("chat") else ["de-DE", 3, "kg"]
                messages, error = await signal.invoke("Introduce", *arguments)
                assert messages[-1]["message"].startswith("Hello in de-DE")
                assert error is None
        assert [check["x-request-id"] for check in api.checks[::2]] == list(hubs)
        refusal = await client.post("/ai-chat/negotiate")
        assert (refusal.status_code, refusal.json()["code"]) == (401, 16)
        url = f"ws://127.0.0.1:{door.port}/ai-chat"
        with pytest.raises(InvalidStatus, match="401"):
            await connect(url)


async def test_allows_cross_origin_browser(door: Door) -> None:
    async with httpx2.AsyncClient(base_url=door.url, verify=False) as client:
        wanted = "authorization,x-requested-with,x-signalr-user-agent"
        preflight = await client.options(
            "/ai-chat/negotiate?negotiateVersion=1",
            headers={
                "origin": ORIGIN,
                "access-control-request-method": "POST",
                "access-control-request-headers": wanted,
            },
        )
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert preflight.headers["access-control-allow-credentials"] == "true"
        assert preflight.headers["access-control-allow-headers"] == wanted
        refusal = await client.post("/ai-chat/negotiate", headers={"origin": ORIGIN})
        assert refusal.status_code == 401
        assert refusal.headers["access-control-allow-origin"] == ORIGIN


async def test_logs_neither_tokens_nor_messages(
    door: Door, api: FakeAi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    async with httpx2.AsyncClient(base_url=door.url, verify=False) as client:
        token = f"access_token=Web%20{CANARY}"
        await client.post(f"/ai-chat/negotiate?{token}")
        await client.post("/ai-chat/negotiate", headers={"authorization": f"Web {CANARY}"})
        await client.get(f"/ai-chat?{token}")
        await client.post("/v2/ai-chat/negotiate", headers={"x-api-key": CANARY})
        await client.post(f"/v2/ai-chat-v2/negotiate?access_token={CANARY}")
        last = "x" * 20
        await client.post(f"/ai-chat/nowhere?{token}", headers={"x-request-id": last})
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{door.port}/ai-chat?{token}")
    url = f"ws://127.0.0.1:{door.port}/ai-chat?access_token=Web%20good&{CANARY}=1"
    async with connect(url) as socket:
        signal = Signal(socket)
        await signal.shake_hands()
        for text in (CANARY, f"fail {CANARY}"):
            await signal.invoke("SendMessage", text)
        await signal.invoke(CANARY, CANARY)
        await socket.send(f"{CANARY}\x1e")
        await signal.end()
    async with asyncio.timeout(10):
        while last not in door.written():
            await asyncio.sleep(0.01)
    assert CANARY not in door.written()
    # Logs of the tests' own clients do not count.
    clients = ("httpx", "httpcore", "websockets.client", "asyncio")
    ours = [record for record in caplog.records if not record.name.startswith(clients)]
    assert not [record.name for record in ours if CANARY in record.getMessage()]
    printed = capfd.readouterr()
    assert CANARY not in printed.out + printed.err


async def test_hubs_are_404_without_web_process() -> None:
    async with front_door(None) as door:
        async with httpx2.AsyncClient(base_url=door.url, verify=False) as client:
            response = await client.post("/ai-chat/negotiate?negotiateVersion=1")
            assert (response.status_code, response.json()["code"]) == (404, 5)
        with pytest.raises(InvalidStatus, match="404"):
            await connect(f"ws://127.0.0.1:{door.port}/ai-chat-v2")

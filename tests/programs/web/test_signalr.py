"""Microsoft's SignalR client under Node, through Envoy."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from server.programs.web.main import web_server

from .app import running
from .client import Front, message
from .fake_api import FakeAi
from .front_door import front_door

pytestmark = pytest.mark.extended


@pytest.fixture
async def url(front: Front, modules: Path) -> AsyncIterator[str]:
    """The URL of the hubs behind Envoy."""
    async with front_door(front.path) as door:
        yield door.url


async def outcome(modules: Path, url: str, scenario: str) -> dict[str, Any]:
    """Run a scenario and return its result."""
    async with running(modules, url, scenario) as app:
        return await app.result()


async def test_cannot_start_without_valid_token(modules: Path, url: str, api: FakeAi) -> None:
    errors = await outcome(modules, url, "refused")
    for way in ("missing", "header", "query"):
        assert "Status code '401'" in errors[way]
    assert errors["direct"]
    assert api.chats == []


async def test_accepts_token_in_header_and_query(modules: Path, url: str) -> None:
    hello = "Hello in de-DE with -"
    found = await outcome(modules, url, "tokens")
    assert found == dict.fromkeys(("header", "raw", "query", "direct"), hello)


async def test_conversation(modules: Path, url: str) -> None:
    found = await outcome(modules, url, "conversation")
    hello, plan, again = found["first"]
    assert hello == {"type": "messageResponse", "message": "Hello in de-DE with -"}
    assert (plan["type"], plan["plan"]["name"]) == ("chatPlan", "Strong")
    assert again["message"] == "Hello again"
    hello, plan, response = found["second"]
    assert hello["message"] == "Hello in en-US with lbs"
    assert (plan["type"], plan["blueprint"]["sessions"][0]["name"]) == ("chatPlan", "Legs")
    assert response["message"] == "You said grüße 💪"
    assert found["update"] == [{"type": "updateRequired", "requiredVersion": 3}]
    assert found["failed"]["said"][-1]["message"] == "I would\n\nThe model is out of reach."
    assert "The model is out of reach." in found["failed"]["reason"]
    for quota in found["quota"]:
        assert quota["said"] == [message("The quota is used up.")]
        assert "The quota is used up." in quota["reason"]
    assert "This hub has no such method." in found["unknown"]
    assert "This hub does not support streams." in found["stream"]


async def test_stop_interrupts_answer(modules: Path, url: str, api: FakeAi) -> None:
    assert await outcome(modules, url, "stop") == {"next": "You said next"}
    assert api.heard == ["message wait", "stop", "message next"]


async def test_disconnect_ends_conversation(modules: Path, url: str, api: FakeAi) -> None:
    async with running(modules, url, "leave") as app:
        assert await app.line() == "waiting"
        assert api.open_chats == 1
        app.proceed()
        assert (await app.result())["asked"]
    await api.until(lambda: api.open_chats == 0)


async def test_reconnects_after_restart(modules: Path, api: FakeAi) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="web-"))
        path = f"{folder}/web.sock"
        door = await stack.enter_async_context(front_door(path))
        async with web_server(f"unix:{path}", (api.address,)):
            app = await stack.enter_async_context(running(modules, door.url, "reconnect"))
            assert await app.line() == "connected"
        async with web_server(f"unix:{path}", (api.address,)):
            found = await app.result()
    assert found == {"text": "You said again", "hasId": True, "reason": None}

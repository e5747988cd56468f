"""Microsoft's own client, under Node and through Envoy."""

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


@pytest.fixture
async def url(front: Front, modules: Path) -> AsyncIterator[str]:
    """Where the hubs are, for the world."""
    async with front_door(front.path) as door:
        yield door.url


async def outcome(modules: Path, url: str, scenario: str) -> dict[str, Any]:
    """What a scenario found out."""
    async with running(modules, url, scenario) as app:
        return await app.result()


async def test_who_has_no_good_token_cannot_start(modules: Path, url: str, api: FakeAi) -> None:
    errors = await outcome(modules, url, "refused")
    for way in ("missing", "header", "query"):
        assert "Status code '401'" in errors[way]
    assert errors["direct"]
    assert api.chats == []


async def test_a_token_may_come_in_all_ways(modules: Path, url: str) -> None:
    hello = "Hello in de-DE with -"
    found = await outcome(modules, url, "tokens")
    assert found == dict.fromkeys(("header", "raw", "query", "direct"), hello)


async def test_a_conversation(modules: Path, url: str) -> None:
    found = await outcome(modules, url, "conversation")
    hello, plan, again = found["first"]
    assert hello == {"type": "messageResponse", "message": "Hello in de-DE with -"}
    assert (plan["type"], plan["plan"]["name"]) == ("chatPlan", "Strong")
    assert again["message"] == "Hello again"
    hello, plan, reply = found["second"]
    assert hello["message"] == "Hello in en-US with lbs"
    assert (plan["type"], plan["blueprint"]["sessions"][0]["name"]) == ("chatPlan", "Legs")
    assert reply["message"] == "You said grüße 💪"
    assert found["update"] == [{"type": "updateRequired", "requiredVersion": 3}]
    assert found["failed"]["said"][-1]["message"] == "I would\n\nThe model is out of reach."
    assert "The model is out of reach." in found["failed"]["reason"]
    for quota in found["quota"]:
        assert quota["said"] == [message("The quota is used up.")]
        assert "The quota is used up." in quota["reason"]
    assert "This hub has no such method." in found["unknown"]
    assert "This hub has no streams." in found["stream"]


async def test_stop_in_the_middle(modules: Path, url: str, api: FakeAi) -> None:
    assert await outcome(modules, url, "stop") == {"next": "You said next"}
    assert api.heard == ["message wait", "stop", "message next"]


async def test_who_leaves_ends_the_conversation(modules: Path, url: str, api: FakeAi) -> None:
    async with running(modules, url, "leave") as app:
        assert await app.line() == "waiting"
        assert api.open_chats == 1
        app.go_on()
        assert (await app.result())["asked"]
    await api.until(lambda: api.open_chats == 0)


async def test_after_a_restart_it_comes_back(modules: Path, api: FakeAi) -> None:
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

"""Conversation by the LiftLog app's SignalR client, over both hubs."""

from pathlib import Path

import pytest

from tests.programs.web.app import running
from tests.services.ai.end_to_end.checks import (
    KEY,
    SQUATS,
    Json,
    check_texts,
    is_greeting,
    texts_of,
)
from tests.services.ai.planner.model_server import ModelServer
from tests.support.stack import Stack

pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="session")]


def check_blueprints(messages: list[Json], model: ModelServer) -> None:
    """Check that the app can load each blueprint, and that they grew up to the whole plan."""
    blueprints = [message for message in messages if message["type"] == "chatPlan"]
    assert len(blueprints) > 2
    assert {message["version"] for message in blueprints} == {3}
    last = blueprints[-1]["blueprint"]
    assert (last["version"], last["name"]) == (3, model.plan["name"])
    assert {session["version"] for session in last["sessions"]} == {6}
    kinds = {one["type"] for session in last["sessions"] for one in session["exercises"]}
    assert kinds == {"WeightedExerciseBlueprint", "CardioExerciseBlueprint"}


async def test_holds_a_conversation(
    stack: Stack, slow_model: ModelServer, modules: Path, logged: set[str]
) -> None:
    logged.add("/ai-chat-v2")
    hung_up = slow_model.hung_up
    async with running(modules, stack.url, "everything") as app:
        found = await app.result()
    assert is_greeting(found["hello"])
    check_texts(texts_of(found["words"]))
    check_blueprints(found["plan"], slow_model)
    assert found["stopped"] and "message" in found["stopped"][-1]
    await slow_model.until(lambda: slow_model.hung_up == hung_up + 1)
    assert SQUATS in found["remembered"][-1]["message"]
    assert is_greeting(found["again"])
    assert SQUATS not in found["forgotten"][-1]["message"]
    assert found["legacy"][-1]["plan"]["name"] == slow_model.plan["name"]


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_sends_long_messages(
    stack: Stack,
    slow_model: ModelServer,
    modules: Path,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slow_model, "pace", 0)
    async with running(modules, stack.url, "long", prefix) as app:
        found = await app.result()
    for hub in found.values():
        assert hub["repeated"]
        assert hub["next"].startswith("You said:")
        sentence = "The text must be at most 32768 bytes."
        assert hub["tooLong"]["said"] == [{"type": "messageResponse", "message": sentence}]
        assert sentence in hub["tooLong"]["reason"]
    legacy = found["/ai-chat"]["plan"]["plan"]["sessions"][0]["exercises"]
    rest = {"minRest": "00:01:30", "maxRest": "00:03:00", "failureRest": "00:05:00"}
    assert [exercise["restBetweenSets"] for exercise in legacy] == [rest, rest]
    assert found["/ai-chat-v2"]["plan"]["version"] == 3


async def test_authenticates_by_api_key(stack: Stack, modules: Path) -> None:
    async with running(modules, stack.url, "keys", KEY) as app:
        found = await app.result()
    assert "'401'" in found.pop("stale")
    assert set(found) == {"header", "v2", "token", "query", "direct"}
    assert all(text.startswith("You said:") for text in found.values())


async def test_rejects_invalid_tokens(stack: Stack, modules: Path) -> None:
    async with running(modules, stack.url, "strangers") as app:
        found = await app.result()
    assert len(found) == 7
    assert [token for token, error in found.items() if "'401'" not in str(error)] == []

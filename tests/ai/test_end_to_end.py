"""A conversation through Envoy, with a model that is the model server."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.ai.conftest import TOKEN
from tests.ai.planner.model_server import ModelServer
from tests.ai.planner.script import HERE_IT_IS
from tests.house import running_house
from tests.web.test_signalr import modules, running

# The fixture of another folder.
__all__ = ["modules"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "canary-what-was-said"


async def events(url: str, path: str) -> list[dict[str, Any]]:
    """The server-sent events of an answer."""
    body = {"history": [{"role": "ROLE_USER", "text": f"A plan, please: {SECRET}"}]}
    headers = {"authorization": f"Web {TOKEN}"}
    async with (
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
        client.stream("POST", path, json=body, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in response.aiter_lines()]
    return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


async def test_a_plan_comes_as_events_and_no_log_knows_of_it(
    quota_database: str,
    model: ModelServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    model.pace = 0.01
    with running_house(
        tmp_path_factory.mktemp("ai-house"),
        DATABASE_URL=quota_database,
        OPENAI_BASE_URL=model.url,
        WEB_AUTH_API_KEY=TOKEN,
    ) as house:
        for path in ("/ai/chat", "/v2/ai/chat"):
            *pieces, end = await events(house.url, path)
            assert [piece["message"] for piece in pieces if "message" in piece][-1] == HERE_IT_IS
            plans = [piece["plan"] for piece in pieces if "plan" in piece]
            assert len(plans) > 2
            assert plans[-1]["name"] == model.plan["name"]
            assert end["end"]["reason"] == "REASON_COMPLETE"
    # All of it is written when the house has stopped.
    logs = house.logs()
    assert "StreamChat" in logs
    assert not [word for word in (TOKEN, SECRET, "here is a plan for") if word in logs]


async def test_the_apps_own_client_holds_the_same_conversation(
    quota_database: str,
    model: ModelServer,
    tmp_path_factory: pytest.TempPathFactory,
    modules: Path,
) -> None:
    model.pace = 0.01
    with running_house(
        tmp_path_factory.mktemp("hub-house"),
        DATABASE_URL=quota_database,
        OPENAI_BASE_URL=model.url,
        WEB_AUTH_API_KEY="good",
    ) as house:
        async with running(modules, house.url, "everything") as app:
            found = await app.result()
    assert found["hello"][-1]["type"] == "messageResponse"
    growing = [message for message in found["plan"] if message["type"] == "chatPlan"]
    assert len(growing) > 2
    assert {message["version"] for message in growing} == {3}
    last = growing[-1]["blueprint"]
    assert (last["version"], last["name"]) == (3, model.plan["name"])
    assert {session["version"] for session in last["sessions"]} == {6}
    kinds = {one["type"] for session in last["sessions"] for one in session["exercises"]}
    assert kinds == {"WeightedExerciseBlueprint", "CardioExerciseBlueprint"}
    assert "Make me a plan" in found["memory"][-1]["message"]
    assert found["legacy"][-1]["plan"]["name"] == model.plan["name"]
    # Neither as a header nor in a query does the token reach a log.
    assert "Web good" not in house.logs()
    assert "Web%20good" not in house.logs()

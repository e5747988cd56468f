"""A conversation through Envoy, with a model that is the model server."""

import json
from typing import Any

import httpx2
import pytest

from tests.ai.conftest import TOKEN
from tests.ai.planner.model_server import ModelServer
from tests.ai.planner.script import HERE_IT_IS
from tests.house import running_house

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

"""Fixtures: a model server for each test, and planners that call it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from typing import Any

import pytest
from pydantic import SecretStr

from server.libraries.settings import PlannerSettings
from server.services.ai.planner.llm_client import RequestOptions
from server.services.ai.planner.llm_planner import LLMPlanner
from tests.services.ai.planner.model_server import ModelServer

MakePlanner = Callable[..., LLMPlanner]

# Retries come at once, and each change of an answer is shown.
NO_PAUSES = {"backoff": 0, "update_pause": 0}


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@pytest.fixture
async def make_planner(model: ModelServer) -> AsyncIterator[MakePlanner]:
    """Make planners with these settings and request options, by name."""
    planners = []
    names = {field.name for field in fields(RequestOptions)}

    def make(**changes: Any) -> LLMPlanner:
        options = {name: changes.pop(name) for name in list(changes) if name in names}
        defaults: dict[str, Any] = {
            "openai_base_url": model.url,
            "openai_api_key": SecretStr("sk-canary"),
        }
        settings = PlannerSettings(**(defaults | changes))
        planners.append(LLMPlanner(settings, RequestOptions(**(NO_PAUSES | options))))
        return planners[-1]

    yield make
    for planner in planners:
        await planner.close()


@pytest.fixture
def planner(make_planner: MakePlanner) -> LLMPlanner:
    return make_planner()

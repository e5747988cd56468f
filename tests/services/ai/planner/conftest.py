"""A model server of a test's own, and a planner that asks it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from server.libraries.settings import PlannerSettings
from server.services.ai.planner.llm_client import Limits
from server.services.ai.planner.llm_planner import Provider
from tests.services.ai.planner.model_server import ModelServer

MakeProvider = Callable[..., Provider]

# Retries wait for nothing, and every change of an answer is seen.
QUICK = {"backoff": 0, "pause": 0}


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@pytest.fixture
async def make_provider(model: ModelServer) -> AsyncIterator[MakeProvider]:
    """Makes planners: settings and limits by name."""
    made = []

    def make(**changes: Any) -> Provider:
        limits = {name: changes.pop(name) for name in list(changes) if name in vars(Limits())}
        chosen: dict[str, Any] = {
            "openai_base_url": model.url,
            "openai_api_key": SecretStr("sk-canary"),
        }
        settings = PlannerSettings(**(chosen | changes))
        made.append(Provider(settings, Limits(**(QUICK | limits))))
        return made[-1]

    yield make
    for provider in made:
        await provider.close()


@pytest.fixture
def provider(make_provider: MakeProvider) -> Provider:
    return make_provider()

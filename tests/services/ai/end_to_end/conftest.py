"""Fixtures: a stack whose model is the model server.

Each client holds the same conversation: an introduction, a message whose answer streams, a plan
that grows, an answer that is stopped, a question about the first message, and a restart.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.services.ai.end_to_end.checks import KEY, TOKEN
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.planner.script import HERE_IT_IS
from tests.support.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def slow_model() -> AsyncIterator[ModelServer]:
    async with ModelServer(pace=0.01) as model:
        yield model


@pytest.fixture(scope="package")
def logged() -> set[str]:
    """Return the texts that the stack's logs must contain, to which tests add theirs."""
    return set()


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(
    quota_database: str,
    slow_model: ModelServer,
    logged: set[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    """Run a stack. Its logs must not contain any part of the conversations."""
    with running_stack(
        tmp_path_factory.mktemp("ai-stack"),
        DATABASE_URL=quota_database,
        OPENAI_BASE_URL=slow_model.url,
        WEB_AUTH_API_KEY=TOKEN,
        API_KEY=KEY,
        RATE_LIMIT_WEB_PER_DAY="1000",
    ) as stack:
        yield stack
    logs = stack.logs()
    assert [text for text in logged if text not in logs] == []
    secrets = (f"Web {TOKEN}", f"Web%20{TOKEN}", f"Web+{TOKEN}", KEY, "squats", HERE_IT_IS[:12])
    assert [secret for secret in secrets if secret in logs] == []

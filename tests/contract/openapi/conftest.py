"""Fixtures: a whole stack with a model, and a user who calls it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.contract.openapi.person import WEB_KEY, Person
from tests.libraries.database.conftest import make_database
from tests.support.process import killed_on_error
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """Run a fake language model; return its URL."""
    command = [
        sys.executable,
        "-m",
        "tests.services.ai.planner.model_server",
        "--port=0",
        "--pace=0",
    ]
    with killed_on_error(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip().partition("=")[2]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def own_stack(
    postgres: TemporaryPostgres, model_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Run a stack for these tests only, because other tests must not see their data."""

    async def database() -> str:
        url = await make_database(postgres, "openapi")
        await migrate(url, None, lambda _: None)
        return url

    with running_stack(
        tmp_path_factory.mktemp("openapi-stack"),
        DATABASE_URL=asyncio.run(database()),
        OPENAI_BASE_URL=model_url,
        WEB_AUTH_API_KEY=WEB_KEY,
        PUSH_ALLOW_PRIVATE="true",
        RATE_LIMIT_WEB_PER_DAY="1000000",
        # A run with many examples takes hours.
        ACCESS_TOKEN_EXPIRE_MINUTES="1440",
        PASSWORD_FAILURES_PER_ACCOUNT="1000000",
        PASSWORD_FAILURES_PER_ADDRESS="1000000",
    ) as stack:
        yield stack


@pytest.fixture(scope="session")
def person(own_stack: Stack) -> Person:
    """Return a user who is not deleted."""
    return Person.registered(own_stack.url)

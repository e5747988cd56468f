"""Fixtures of the tests of exercises: the logs of two users."""

import pytest

from tests.services.exercise.log import Log
from tests.support.client import Client


@pytest.fixture
async def log(client: Client) -> Log:
    """Return an empty log."""
    return await Log.of_new_user(client)


@pytest.fixture
async def other(client: Client) -> Log:
    """Return the empty log of another user."""
    return await Log.of_new_user(client)

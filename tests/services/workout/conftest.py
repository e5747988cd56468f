"""Fixtures of the diary's tests: the diaries of two users."""

import pytest

from tests.services.workout.diary import Diary, diary_of
from tests.support.client import Client


@pytest.fixture
async def diary(client: Client) -> Diary:
    """Return an empty diary."""
    return await diary_of(client, await client.new_user())


@pytest.fixture
async def other(client: Client) -> Diary:
    """Return the empty diary of another user."""
    return await diary_of(client, await client.new_user())

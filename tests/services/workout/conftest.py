"""What the diary's tests share: two people who write one."""

import pytest

from tests.services.workout.diary import Diary, diary_of
from tests.support.client import Client


@pytest.fixture
async def diary(client: Client) -> Diary:
    """An empty diary."""
    return await diary_of(client, await client.new_user())


@pytest.fixture
async def other(client: Client) -> Diary:
    """Somebody else's diary, empty too."""
    return await diary_of(client, await client.new_user())

"""Fixtures for the tests of processes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.libraries.process.scene import Scene


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.supervisor.force_stop()
    await scene.supervisor.stop()

"""Commands that are waited for."""

import asyncio
import sys

import pytest

from server.libraries.process import child
from tests.libraries.process.stories import STUBBORN, Scene
from tests.support.waiting import alive, eventually


async def test_a_command_returns_what_it_printed() -> None:
    ended = await child.run(
        [sys.executable, "-c", "import sys; print(input()); sys.exit('went wrong')"], text="hello\n"
    )
    assert ended.status == 1
    assert "hello" in ended.output
    assert ended.last_line == "went wrong"


async def test_a_command_that_is_cancelled_leaves_nothing(scene: Scene) -> None:
    argv = [sys.executable, "-c", STUBBORN, "mule", str(scene.story_file)]
    running = asyncio.create_task(child.run(argv))
    await eventually(lambda: bool(scene.pids("mule")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(scene.pids("mule")[0])

"""Commands that run to their end."""

import asyncio
import sys

import pytest

from server.libraries.process import child
from tests.libraries.process.scene import STUBBORN, Scene
from tests.support.waiting import alive, eventually


class TestRun:
    async def test_returns_status_and_output(self) -> None:
        ended = await child.run(
            [sys.executable, "-c", "import sys; print(input()); sys.exit('went wrong')"],
            text="hello\n",
        )
        assert ended.status == 1
        assert "hello" in ended.output
        assert ended.last_line == "went wrong"

    async def test_cancelled_command_is_killed(self, scene: Scene) -> None:
        argv = [sys.executable, "-c", STUBBORN, "mule", str(scene.record_file)]
        running = asyncio.create_task(child.run(argv))
        await eventually(lambda: bool(scene.pids("mule")))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not alive(scene.pids("mule")[0])

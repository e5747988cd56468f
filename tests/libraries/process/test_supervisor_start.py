"""The start of supervised processes: failures, delays and cancellation."""

import asyncio
from dataclasses import replace

import pytest

from server.errors import StartError
from server.libraries.process import supervisor
from tests.libraries.process.scene import COOPERATIVE, RECORD, Scene
from tests.support.waiting import alive, eventually


class TestStart:
    async def test_fails_with_log_if_process_exits(self, scene: Scene) -> None:
        script = "import sys; print('first'); sys.exit('no such table: users')"
        with pytest.raises(StartError) as caught:
            await scene.supervisor.start(scene.process("worker", script))
        message = str(caught.value)
        assert message.startswith("worker ended with exit status 1 before it was ready")
        assert str(scene.folder / "worker.log") in message
        assert "no such table: users" in message

    async def test_shows_only_log_lines_of_this_start(self, scene: Scene) -> None:
        (scene.folder / "worker.log").write_text("an old line\n")
        with pytest.raises(StartError) as caught:
            await scene.supervisor.start(scene.process("worker", "print('a new line')"))
        assert "a new line" in str(caught.value)
        assert "an old line" not in str(caught.value)
        assert (scene.folder / "worker.log").read_text() == "an old line\na new line\n"

    async def test_names_empty_log(self, scene: Scene) -> None:
        with pytest.raises(StartError, match="wrote nothing to its log"):
            await scene.supervisor.start(scene.process("worker", "pass"))

    async def test_failure_stops_processes_of_same_stage(self, scene: Scene) -> None:
        with pytest.raises(StartError, match="broken ended with exit status 3"):
            await scene.supervisor.start(
                scene.process("worker", COOPERATIVE),
                scene.process("broken", "import sys; sys.exit(3)"),
            )
        await scene.supervisor.stop()
        assert not any(alive(pid) for pid in scene.pids("worker"))

    async def test_retries_up_to_start_attempts(self, scene: Scene) -> None:
        script = RECORD + "log('tried')\nif record.read_text().count('tried') < 3: sys.exit(1)\n"
        script += COOPERATIVE.removeprefix(RECORD)
        await scene.supervisor.start(replace(scene.process("database", script), start_attempts=3))
        assert scene.events.count("database tried") == 3

    async def test_times_out_if_process_is_never_ready(self, scene: Scene) -> None:
        process = replace(
            scene.process("worker", "import time; time.sleep(3600)"), start_timeout=0.2
        )
        with pytest.raises(StartError, match="worker was not ready within 0 seconds"):
            await scene.supervisor.start(process)

    async def test_reports_slow_start(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(supervisor, "PROGRESS_INTERVAL", 0.1)
        script = "import time; print('redo in progress', flush=True); time.sleep(3600)"
        starting = asyncio.create_task(scene.supervisor.start(scene.process("database", script)))
        await eventually(lambda: any("redo in progress" in line for line in scene.lines))
        starting.cancel()
        await asyncio.wait([starting])

    async def test_fails_if_program_is_missing(self, scene: Scene) -> None:
        process = replace(scene.process("envoy", ""), argv=(str(scene.folder / "envoy"),))
        with pytest.raises(StartError, match="envoy cannot be started"):
            await scene.supervisor.start(process)

    async def test_cancelled_start_leaves_no_process(self, scene: Scene) -> None:
        process = replace(scene.process("worker", COOPERATIVE), ready=never)
        starting = asyncio.create_task(scene.supervisor.start(process))
        await eventually(lambda: bool(scene.pids("worker")))
        starting.cancel()
        await asyncio.wait([starting])
        await scene.supervisor.stop()
        assert not alive(scene.pids("worker")[0])


async def never() -> bool:
    return False

"""Starts that fail, are slow or are cancelled, with small real processes."""

import asyncio
from dataclasses import replace

import pytest

from server.errors import StartError
from server.libraries.process import supervisor
from tests.libraries.process.stories import OBEDIENT, STORY, Scene
from tests.support.waiting import alive, eventually


async def test_one_that_dies_at_the_start_ends_the_start_and_shows_its_log(scene: Scene) -> None:
    script = "import sys; print('first'); sys.exit('no such table: users')"
    with pytest.raises(StartError) as caught:
        await scene.supervisor.start(scene.process("worker", script))
    message = str(caught.value)
    assert message.startswith("worker ended with exit status 1 before it was ready")
    assert str(scene.folder / "worker.log") in message
    assert "no such table: users" in message


async def test_only_this_starts_lines_of_the_log_are_shown(scene: Scene) -> None:
    (scene.folder / "worker.log").write_text("an old tale\n")
    with pytest.raises(StartError) as caught:
        await scene.supervisor.start(scene.process("worker", "print('news')"))
    assert "news" in str(caught.value)
    assert "an old tale" not in str(caught.value)
    assert (scene.folder / "worker.log").read_text() == "an old tale\nnews\n"


async def test_one_that_says_nothing_before_it_dies(scene: Scene) -> None:
    with pytest.raises(StartError, match="wrote nothing to its log"):
        await scene.supervisor.start(scene.process("worker", "pass"))


async def test_a_failed_start_takes_the_rest_of_its_stage_along(scene: Scene) -> None:
    with pytest.raises(StartError, match="broken ended with exit status 3"):
        await scene.supervisor.start(
            scene.process("worker", OBEDIENT),
            scene.process("broken", "import sys; sys.exit(3)"),
        )
    await scene.supervisor.stop()
    assert not any(alive(pid) for pid in scene.pids("worker"))


async def test_it_may_die_as_often_as_it_is_allowed_to(scene: Scene) -> None:
    script = STORY + "tell('tried')\nif story.read_text().count('tried') < 3: sys.exit(1)\n"
    script += OBEDIENT.removeprefix(STORY)
    await scene.supervisor.start(replace(scene.process("database", script), start_attempts=3))
    assert scene.story.count("database tried") == 3


async def test_one_that_never_gets_ready_ends_the_start(scene: Scene) -> None:
    process = replace(scene.process("worker", "import time; time.sleep(3600)"), start_timeout=0.2)
    with pytest.raises(StartError, match="worker was not ready within 0 seconds"):
        await scene.supervisor.start(process)


async def test_a_slow_start_is_reported(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PROGRESS_INTERVAL", 0.1)
    script = "import time; print('redo in progress', flush=True); time.sleep(3600)"
    starting = asyncio.create_task(scene.supervisor.start(scene.process("database", script)))
    await eventually(lambda: any("redo in progress" in line for line in scene.lines))
    starting.cancel()
    await asyncio.wait([starting])


async def test_a_program_that_is_not_there_ends_the_start(scene: Scene) -> None:
    process = replace(scene.process("envoy", ""), argv=(str(scene.folder / "envoy"),))
    with pytest.raises(StartError, match="envoy cannot be started"):
        await scene.supervisor.start(process)


async def test_a_start_that_is_cancelled_leaves_nothing(scene: Scene) -> None:
    process = replace(scene.process("worker", OBEDIENT), ready=never)
    starting = asyncio.create_task(scene.supervisor.start(process))
    await eventually(lambda: bool(scene.pids("worker")))
    starting.cancel()
    await asyncio.wait([starting])
    await scene.supervisor.stop()
    assert not alive(scene.pids("worker")[0])


async def never() -> bool:
    return False

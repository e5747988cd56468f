"""The supervisor, with small real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from server.errors import StartError
from server.local import children, processes
from server.local.processes import Process, Supervisor, keep_log_short
from tests.local.helpers import PATIENCE, alive, eventually, wait_until

# Writes its process id where it can be found, and one line of its story per event.
STORY = """
import os, pathlib, signal, sys, time
me, story = sys.argv[1], pathlib.Path(sys.argv[2])
def tell(what):
    with story.open("a") as file:
        file.write(f"{me} {what}\\n")
"""
OBEDIENT = (
    STORY
    + """
def leave(*_):
    tell("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
tell(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
STUBBORN = (
    STORY
    + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(f"ready {os.getpid()}")
while True:
    signal.pause()
"""
)
FAMILY = (
    STORY
    + """
child = os.fork()
tell(f"ready {os.getpid()}" if child else f"child {os.getpid()}")
while True:
    signal.pause()
"""
)


@dataclass
class Scene:
    """A supervisor, what it reported, and what its processes told."""

    folder: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.lines.append)
        self.story_file = self.folder / "story"
        self.story_file.touch()

    @property
    def story(self) -> list[str]:
        return self.story_file.read_text().splitlines()

    def pids(self, name: str, word: str = "ready") -> list[int]:
        start = f"{name} {word} "
        return [int(line.removeprefix(start)) for line in self.story if line.startswith(start)]

    def process(self, name: str, script: str) -> Process:
        started_before = len(self.pids(name))

        async def ready() -> bool:
            pids = self.pids(name)
            return len(pids) > started_before and alive(pids[-1])

        return Process(
            name=name,
            argv=(sys.executable, "-c", script, name, str(self.story_file)),
            log=self.folder / f"{name}.log",
            ready=ready,
            stop_timeout=10.0,
        )


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.supervisor.hurry()
    await scene.supervisor.stop()


async def test_a_process_that_dies_is_started_again(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("worker", OBEDIENT))
    (first,) = scene.pids("worker")

    os.kill(first, signal.SIGKILL)

    await eventually(lambda: "worker is back" in scene.lines)
    assert len(scene.pids("worker")) == 2
    assert scene.lines[0].startswith("worker ended with SIGKILL; starting it again")
    assert str(scene.folder / "worker.log") in scene.lines[0]


async def test_it_is_started_again_after_every_death(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("worker", OBEDIENT))
    for times in range(1, 4):
        os.kill(scene.pids("worker")[-1], signal.SIGTERM)
        await eventually(lambda: scene.lines.count("worker is back") == times)  # noqa: B023
    assert scene.lines[0].startswith("worker ended with exit status 0;")


async def test_stages_stop_in_reverse_order(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("database", OBEDIENT))
    await scene.supervisor.start(
        scene.process("worker-0", OBEDIENT), scene.process("worker-1", OBEDIENT)
    )
    await scene.supervisor.start(scene.process("door", OBEDIENT))

    await scene.supervisor.stop()

    stops = [line.removesuffix(" stopped") for line in scene.story if line.endswith("stopped")]
    assert stops[0] == "door"
    assert sorted(stops[1:3]) == ["worker-0", "worker-1"]
    assert stops[3:] == ["database"]
    assert scene.lines == []


async def test_nothing_is_started_again_once_stopped(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("worker", OBEDIENT))
    (pid,) = scene.pids("worker")
    await scene.supervisor.stop()
    assert not alive(pid)
    assert len(scene.pids("worker")) == 1
    await scene.supervisor.stop()  # a second time does no harm


async def test_one_that_ignores_the_signal_is_killed_after_its_time(scene: Scene) -> None:
    await scene.supervisor.start(replace(scene.process("mule", STUBBORN), stop_timeout=0.2))
    (pid,) = scene.pids("mule")
    await scene.supervisor.stop()
    assert not alive(pid)
    assert scene.lines == ["mule does not stop; killing it"]


async def test_hurrying_skips_the_wait(scene: Scene) -> None:
    await scene.supervisor.start(replace(scene.process("mule", STUBBORN), stop_timeout=3600.0))
    (pid,) = scene.pids("mule")
    stopping = asyncio.create_task(scene.supervisor.stop())
    scene.supervisor.hurry()
    async with asyncio.timeout(PATIENCE):
        await stopping
    assert not alive(pid)


async def test_the_kill_signal_comes_before_sigkill(scene: Scene) -> None:
    script = STUBBORN.replace(
        "tell(f", "signal.signal(signal.SIGQUIT, lambda *_: (tell('quit'), sys.exit(1)))\ntell(f", 1
    )
    process = replace(
        scene.process("database", script), stop_timeout=0.1, kill_signal=signal.SIGQUIT
    )
    await scene.supervisor.start(process)
    await scene.supervisor.stop()
    assert scene.story[-1] == "database quit"


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
    monkeypatch.setattr(processes, "PROGRESS_INTERVAL", 0.1)
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


async def test_what_a_process_leaves_of_its_group_goes_with_it(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("family", FAMILY))
    await eventually(lambda: bool(scene.pids("family", "child")))
    (child,) = scene.pids("family", "child")
    await scene.supervisor.stop()
    await eventually(lambda: not alive(child))


async def test_each_process_has_a_group_and_a_session_of_its_own(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("worker", OBEDIENT))
    (pid,) = scene.pids("worker")
    assert os.getpgid(pid) == pid
    assert os.getsid(pid) == pid


async def test_watching_goes_on_until_it_is_cancelled(scene: Scene) -> None:
    await scene.supervisor.start(scene.process("worker", OBEDIENT))
    watching = asyncio.create_task(scene.supervisor.watch())
    os.kill(scene.pids("worker")[0], signal.SIGKILL)
    await eventually(lambda: "worker is back" in scene.lines)
    assert not watching.done()
    watching.cancel()
    await asyncio.wait([watching])
    os.kill(scene.pids("worker")[-1], signal.SIGKILL)
    await eventually(lambda: scene.lines.count("worker is back") == 2)


async def test_watching_raises_a_fault_of_the_supervisor_itself(scene: Scene) -> None:
    process = scene.process("worker", OBEDIENT)
    asked = [False, True]

    async def ready() -> bool:
        if not asked:
            raise ZeroDivisionError
        return asked.pop()

    await scene.supervisor.start(replace(process, ready=ready))
    await eventually(lambda: bool(scene.pids("worker")))
    asked.clear()
    os.kill(scene.pids("worker")[0], signal.SIGKILL)
    with pytest.raises(ZeroDivisionError):
        await scene.supervisor.watch()


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = f"""
        import asyncio, pathlib, sys
        from server.local.processes import Supervisor
        from tests.local.test_processes import STUBBORN, Scene

        async def main() -> None:
            scene = Scene(pathlib.Path({str(tmp_path)!r}))
            await scene.supervisor.start(scene.process("mule", STUBBORN))
            print("started", flush=True)
            await scene.supervisor.watch()

        asyncio.run(main())
    """
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=root
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"started\n"
        (pid,) = Scene(tmp_path).pids("mule")
        assert alive(pid)
        supervisor.kill()
    wait_until(lambda: not alive(pid))


async def test_a_command_returns_what_it_printed() -> None:
    ended = await children.run(
        [sys.executable, "-c", "import sys; print(input()); sys.exit('went wrong')"], text="hello\n"
    )
    assert ended.status == 1
    assert "hello" in ended.output
    assert ended.last_line == "went wrong"


async def test_a_command_that_is_cancelled_leaves_nothing(scene: Scene) -> None:
    argv = [sys.executable, "-c", STUBBORN, "mule", str(scene.story_file)]
    running = asyncio.create_task(children.run(argv))
    await eventually(lambda: bool(scene.pids("mule")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(scene.pids("mule")[0])


def test_a_log_that_grew_too_long_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 10)
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"0123456789")
        keep_log_short(log)
        assert log.read_bytes() == b"0123456789"
        writer.write(b"a")
        keep_log_short(log)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "worker.log.1").read_bytes() == b"0123456789a"

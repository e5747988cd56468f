"""The supervisor, with small real processes: starting them again, stopping and watching them."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from server.libraries.process import supervisor
from server.libraries.process.supervisor import rotate_log
from tests.libraries.process.stories import FAMILY, OBEDIENT, STUBBORN, Scene
from tests.support.waiting import TIMEOUT, alive, eventually, wait_until


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
    scene.supervisor.force_stop()
    async with asyncio.timeout(TIMEOUT):
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
        from server.libraries.process.supervisor import Supervisor
        from tests.libraries.process.stories import STUBBORN, Scene

        async def main() -> None:
            scene = Scene(pathlib.Path({str(tmp_path)!r}))
            await scene.supervisor.start(scene.process("mule", STUBBORN))
            print("started", flush=True)
            await scene.supervisor.watch()

        asyncio.run(main())
    """
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=root
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"started\n"
        (pid,) = Scene(tmp_path).pids("mule")
        assert alive(pid)
        supervisor.kill()
    wait_until(lambda: not alive(pid))


def test_a_log_that_grew_too_long_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LOG_LIMIT", 10)
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"0123456789")
        rotate_log(log)
        assert log.read_bytes() == b"0123456789"
        writer.write(b"a")
        rotate_log(log)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert (tmp_path / "worker.log.1").read_bytes() == b"0123456789a"

"""The supervisor of processes: restarts, stops, watching, logs."""

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
from tests.libraries.process.scene import COOPERATIVE, FAMILY, STUBBORN, Scene
from tests.support.process import killed_on_error
from tests.support.waiting import TIMEOUT, alive, eventually, wait_until


class TestRestart:
    async def test_killed_process_is_restarted_and_reported(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("worker", COOPERATIVE))
        (first,) = scene.pids("worker")

        os.kill(first, signal.SIGKILL)

        await eventually(lambda: "worker is back" in scene.lines)
        assert len(scene.pids("worker")) == 2
        assert scene.lines[0].startswith("worker ended with SIGKILL; starting it again")
        assert str(scene.folder / "worker.log") in scene.lines[0]

    async def test_process_is_restarted_after_every_exit(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("worker", COOPERATIVE))
        for times in range(1, 4):
            os.kill(scene.pids("worker")[-1], signal.SIGTERM)
            await eventually(lambda: scene.lines.count("worker is back") == times)  # noqa: B023
        assert scene.lines[0].startswith("worker ended with exit status 0;")


class TestStop:
    async def test_stops_stages_in_reverse_order(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("database", COOPERATIVE))
        await scene.supervisor.start(
            scene.process("worker-0", COOPERATIVE), scene.process("worker-1", COOPERATIVE)
        )
        await scene.supervisor.start(scene.process("gateway", COOPERATIVE))

        await scene.supervisor.stop()

        stops = [line.removesuffix(" stopped") for line in scene.events if line.endswith("stopped")]
        assert stops[0] == "gateway"
        assert sorted(stops[1:3]) == ["worker-0", "worker-1"]
        assert stops[3:] == ["database"]
        assert scene.lines == []

    async def test_stopped_process_is_not_restarted(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("worker", COOPERATIVE))
        (pid,) = scene.pids("worker")
        await scene.supervisor.stop()
        assert not alive(pid)
        assert len(scene.pids("worker")) == 1
        await scene.supervisor.stop()  # idempotent

    async def test_kills_process_that_ignores_signal(self, scene: Scene) -> None:
        await scene.supervisor.start(replace(scene.process("stubborn", STUBBORN), stop_timeout=0.2))
        (pid,) = scene.pids("stubborn")
        await scene.supervisor.stop()
        assert not alive(pid)
        assert scene.lines == ["stubborn does not stop; killing it"]

    async def test_force_stop_skips_timeout(self, scene: Scene) -> None:
        await scene.supervisor.start(
            replace(scene.process("stubborn", STUBBORN), stop_timeout=3600.0)
        )
        (pid,) = scene.pids("stubborn")
        stopping = asyncio.create_task(scene.supervisor.stop())
        scene.supervisor.force_stop()
        async with asyncio.timeout(TIMEOUT):
            await stopping
        assert not alive(pid)

    async def test_sends_kill_signal_before_sigkill(self, scene: Scene) -> None:
        script = STUBBORN.replace(
            "log(f",
            "signal.signal(signal.SIGQUIT, lambda *_: (log('quit'), sys.exit(1)))\nlog(f",
            1,
        )
        process = replace(
            scene.process("database", script), stop_timeout=0.1, kill_signal=signal.SIGQUIT
        )
        await scene.supervisor.start(process)
        await scene.supervisor.stop()
        assert scene.events[-1] == "database quit"

    async def test_kills_process_group(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("family", FAMILY))
        await eventually(lambda: bool(scene.pids("family", "child")))
        (child,) = scene.pids("family", "child")
        await scene.supervisor.stop()
        await eventually(lambda: not alive(child))


class TestWatch:
    async def test_runs_until_cancelled(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("worker", COOPERATIVE))
        watching = asyncio.create_task(scene.supervisor.watch())
        os.kill(scene.pids("worker")[0], signal.SIGKILL)
        await eventually(lambda: "worker is back" in scene.lines)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait([watching])
        os.kill(scene.pids("worker")[-1], signal.SIGKILL)
        await eventually(lambda: scene.lines.count("worker is back") == 2)

    async def test_raises_error_of_supervision(self, scene: Scene) -> None:
        process = scene.process("worker", COOPERATIVE)
        answers = [False, True]

        async def ready() -> bool:
            if not answers:
                raise ZeroDivisionError
            return answers.pop()

        await scene.supervisor.start(replace(process, ready=ready))
        await eventually(lambda: bool(scene.pids("worker")))
        answers.clear()
        os.kill(scene.pids("worker")[0], signal.SIGKILL)
        with pytest.raises(ZeroDivisionError):
            await scene.supervisor.watch()


class TestProcess:
    async def test_has_its_own_group_and_session(self, scene: Scene) -> None:
        await scene.supervisor.start(scene.process("worker", COOPERATIVE))
        (pid,) = scene.pids("worker")
        assert os.getpgid(pid) == pid
        assert os.getsid(pid) == pid

    def test_ends_with_killed_supervisor(self, tmp_path: Path) -> None:
        script = f"""
            import asyncio, pathlib, sys
            from server.libraries.process.supervisor import Supervisor
            from tests.libraries.process.scene import STUBBORN, Scene

            async def main() -> None:
                scene = Scene(pathlib.Path({str(tmp_path)!r}))
                await scene.supervisor.start(scene.process("stubborn", STUBBORN))
                print("started", flush=True)
                await scene.supervisor.watch()

            asyncio.run(main())
        """
        root = Path(__file__).parents[3]
        with killed_on_error(
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=root
            )
        ) as supervisor:
            assert supervisor.stdout is not None
            assert supervisor.stdout.readline() == b"started\n"
            (pid,) = Scene(tmp_path).pids("stubborn")
            assert alive(pid)
            supervisor.kill()
        wait_until(lambda: not alive(pid))


class TestRotateLog:
    def test_moves_log_over_limit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

"""`gymlocker demo --live` against the stack: into a pipe, and in a terminal."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

from server.errors import StartError
from server.programs.demo.live.run import run_live
from tests.support.stack import Stack

COMMAND = [sys.executable, "-P", "-m", "server", "demo", "--live"]
TIMEOUT = 60
TERMINAL = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def console(encoding: str = "utf-8", **options: int | bool) -> tuple[Console, io.BytesIO]:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding, write_through=True)
    return Console(file=file, **options), raw  # type: ignore[arg-type]


class TestRunLive:
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
    async def test_script_ends_with_equal_copies(self, stack: Stack, encoding: str) -> None:
        output, raw = console(encoding)
        assert await run_live(stack.url, output), raw.getvalue().decode()
        lines = raw.getvalue().decode(encoding).splitlines()
        assert lines[-1] == "Ben got exactly Ada's workouts, decrypted: 3."
        ben = [line for line in lines if line.startswith("Ben  ")]
        assert sum(" ms  " in line for line in ben) == 6
        [broken] = [i for i, line in enumerate(ben) if "disconnected" in line]
        assert "reconnected at the last cursor" in ben[broken + 1]
        assert "L" in ben[broken + 2] and "ufchen" in ben[broken + 2]
        assert "NOTHING_TO_WATCH" in ben[-1]

    async def test_reports_unreachable_server(self) -> None:
        with pytest.raises(StartError, match=r"^No response from .*`gymlocker up`"):
            await run_live("http://127.0.0.1:1", console()[0])


class TestTerminal:
    """The command in a terminal of its own."""

    pytestmark = pytest.mark.extended

    @pytest.fixture
    def terminal(self, stack: Stack) -> "Terminal":
        return Terminal([*COMMAND, "--url", stack.url])

    def test_typed_lines_appear_on_the_other_phone(self, terminal: "Terminal") -> None:
        terminal.read_until("Type a workout")
        terminal.type("Deadlift\x7f 5×5\n")
        terminal.read_until(r"ms  Deadlif 5×5")
        terminal.type("cut\n")
        terminal.read_until("reconnected")
        terminal.type("undo\n")
        terminal.read_until("Deadlif 5×5 is deleted")
        terminal.type("\x04")
        terminal.read_until("Ben got exactly Ada's workouts, decrypted: 0.")
        assert terminal.process.wait(TIMEOUT) == 0

    def test_ctrl_c_ends_cleanly(self, terminal: "Terminal") -> None:
        terminal.read_until("Type a workout")
        terminal.type("half a line")
        terminal.read_until("> half a line")
        terminal.process.send_signal(signal.SIGINT)
        terminal.read_until("Stopped. Ada's account is deleted.")
        assert terminal.process.wait(TIMEOUT) == 0
        assert "Traceback" not in terminal.seen

    def test_no_input_runs_the_script_in_panes(self, stack: Stack) -> None:
        terminal = Terminal([*COMMAND, "--no-input", "--url", stack.url])
        terminal.read_until("Ben got exactly Ada's workouts, decrypted: 3.")
        assert terminal.process.wait(TIMEOUT) == 0
        assert "Ada's phone" in terminal.seen and "reconnected" in terminal.seen


class Terminal:
    """A command in a pseudo-terminal, and what it has shown."""

    def __init__(self, command: list[str]) -> None:
        self._file, its = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, env=TERMINAL, start_new_session=True
        )
        os.close(its)

    def type(self, text: str) -> None:
        os.write(self._file, text.encode())

    def read_until(self, pattern: str) -> None:
        """Read until the text is on the screen, and forget what was before it."""
        began = len(self.seen)
        deadline = time.monotonic() + TIMEOUT
        while not re.search(pattern, self.seen[began:]):
            remaining = deadline - time.monotonic()
            assert select.select([self._file], [], [], max(0, remaining))[0], self.seen
            self.seen += CONTROL.sub("", os.read(self._file, 65_536).decode(errors="replace"))

"""Running the command `gymlocker` in a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

from tests.programs.client.process import TIMEOUT_SECONDS
from tests.support.process import killed_on_error

Process: TypeAlias = subprocess.Popen[bytes]
COLUMNS = 80


def in_terminal(
    *arguments: str,
    typed: str = "",
    until: str = "",
    then: Callable[[Process], None] = lambda _: None,
) -> str:
    """Run a command with a terminal of 80 columns; return what it showed, with what was typed.

    Once it shows the text `until`, call `then` with the process.
    """
    parent, child = pty.openpty()
    os.write(parent, typed.encode())
    with killed_on_error(
        subprocess.Popen(
            [sys.executable, "-P", "-m", "server", *arguments],
            env={**os.environ, "COLUMNS": str(COLUMNS), "TERM": "xterm", "NO_COLOR": "1"},
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
        )
    ) as process:
        os.close(child)
        shown = ""
        for chunk in _until_closed(parent):
            shown += chunk.decode(errors="replace").replace("\r\n", "\n")
            if until and until in shown:
                then(process)
                until = ""
        process.wait(TIMEOUT_SECONDS)
    os.close(parent)
    return shown


def _until_closed(parent: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(parent, 65536)
        except OSError:
            # Linux reports an error when the last process has closed the terminal.
            return

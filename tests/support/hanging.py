"""The end of tests that hang, as a plugin of pytest.

pytest-timeout raises one exception in a test. No limit applies to what the test awaits after that,
in a `finally` or in a fixture, and code that swallows the exception goes on. So a test that has not
ended some time after its timeout ends its process: pytest-xdist reports a failed test, starts
another process, and goes on.
"""

import asyncio
import faulthandler
import gc
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

# For fixtures that stop a stack.
GRACE = 60.0
# Until the end without Python, which a call that keeps the interpreter's lock would block.
LAST_RESORT = 15.0


class HangGuard:
    """Prints the stacks of a process with a hanging test, and ends it with its children."""

    def __init__(self) -> None:
        # pytest redirects the original during tests.
        self._stderr = os.fdopen(os.dup(2), "w")
        self._timer: threading.Timer | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> Iterator[None]:
        """Start the clock together with that of pytest-timeout."""
        self._stop()
        seconds = settings.timeout + GRACE
        self._timer = threading.Timer(seconds, self._end, (item.nodeid, settings.timeout))
        self._timer.daemon = True
        self._timer.start()
        faulthandler.dump_traceback_later(seconds + LAST_RESORT, exit=True, file=self._stderr)
        return (yield)

    def pytest_runtest_logfinish(self) -> None:
        """Stop the clock when the test and its fixtures have ended."""
        self._stop()

    def pytest_unconfigure(self) -> None:
        self._stop()
        self._stderr.close()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _end(self, test: str, timeout: float) -> None:
        self._print(f"{test} hangs: it had to end within {timeout:g} s. Its process is killed.")
        faulthandler.dump_traceback(self._stderr)
        for task in _unfinished_tasks():
            task.print_stack(file=self._stderr)
        self._stderr.flush()
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        os._exit(1)

    def _print(self, line: str) -> None:
        print(f"\n{line}", file=self._stderr, flush=True)


def _unfinished_tasks() -> list[asyncio.Task[Any]]:
    """Return the tasks of all event loops: a thread's stack does not contain their functions."""
    # isinstance() would ask proxies, too.
    tasks = [each for each in gc.get_objects() if issubclass(type(each), asyncio.Task)]
    return [task for task in tasks if not task.done()]

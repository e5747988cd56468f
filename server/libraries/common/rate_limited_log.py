"""A log of warnings that others can cause at any rate."""

import time
from collections.abc import Callable
from typing import Any

INTERVAL_SECONDS = 30.0


class RateLimitedLog:
    """Writes each warning at most once in INTERVAL_SECONDS, with the number of those left out."""

    def __init__(self, log: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._written: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, event: str, **fields: Any) -> None:
        """Write a warning, unless the same event was written recently."""
        now = self._clock()
        written = self._written.get(event)
        if written is not None and now - written < INTERVAL_SECONDS:
            self._left_out[event] = self._left_out.get(event, 0) + 1
            return
        self._written[event] = now
        if left_out := self._left_out.pop(event, 0):
            fields["left_out"] = left_out
        self._log.warning(event, **fields)

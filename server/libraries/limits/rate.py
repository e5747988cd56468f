"""Rates as settings spell them, and the error beyond a rate."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from server.errors import ResourceExhausted

# Makes the error of a request that may be retried after so many seconds.
Rejection: TypeAlias = Callable[[int], ResourceExhausted]

_FORM = re.compile(r"(\d+)/(\d+(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of `burst` at once, then one more in `seconds`. A burst of 0 is no limit."""

    burst: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `60/600s`, or `0` for no limit. Raise ValueError."""
        if text.strip() == "0":
            return cls(0, 0)
        match = _FORM.fullmatch(text.strip())
        if match is None or int(match[1]) < 1 or float(match[2]) <= 0:
            raise ValueError("must be as 60/600s (60 at once, then one in 600 s), or 0 for off")
        return cls(int(match[1]), float(match[2]))

    def times(self, factor: int) -> "Rate":
        """Return a rate that is `factor` times as high."""
        return Rate(self.burst * factor, self.seconds / factor)

    def wait(self, empty_in: float) -> float:
        """Return the seconds until one more fits; 0 or less: it fits now.

        `empty_in` is the seconds until the bucket is empty.
        """
        return empty_in - (self.burst - 1) * self.seconds

    def __bool__(self) -> bool:
        """Return True if there is a limit."""
        return self.burst > 0

    def __str__(self) -> str:
        """Return the rate as the setting spells it."""
        return f"{self.burst}/{self.seconds:g}s" if self else "0"


def rate_exceeded(problem: str, *, reason: str) -> Rejection:
    """Return a function that makes the error beyond a rate; `problem` is its first sentence."""

    def reject(retry_after: int) -> ResourceExhausted:
        return ResourceExhausted(
            f"{problem} Try again in {retry_after} s.", reason=reason, retry_after=retry_after
        )

    return reject

"""Rates, as settings spell them."""

import re
from dataclasses import dataclass

_FORM = re.compile(r"(\d+)/(\d+(?:\.\d+)?)s")


@dataclass(frozen=True)
class Rate:
    """`burst` at once, and then one more in `seconds`. A burst of 0 is no limit."""

    burst: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `60/600s`, or `0` for no limit. Raises ValueError."""
        if text.strip() == "0":
            return cls(0, 0)
        match = _FORM.fullmatch(text.strip())
        if match is None or int(match[1]) < 1 or float(match[2]) <= 0:
            raise ValueError("must be as 60/600s (60 at once, then one in 600 s), or 0 for off")
        return cls(int(match[1]), float(match[2]))

    def times(self, factor: int) -> "Rate":
        """Return the rate of so many times as many."""
        return Rate(self.burst * factor, self.seconds / factor)

    def wait(self, empty_in: float) -> float:
        """Return for how many seconds nothing more fits; 0 or less: it does now.

        `empty_in` says in how many seconds the bucket is empty.
        """
        return empty_in - (self.burst - 1) * self.seconds

    def __bool__(self) -> bool:
        """Tell whether there is a limit."""
        return self.burst > 0

    def __str__(self) -> str:
        """Spell it as the setting does."""
        return f"{self.burst}/{self.seconds:g}s" if self else "0"

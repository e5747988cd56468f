"""How many connections there are, and how those ended that there were."""

from collections import Counter


class Tally:
    """The connections of this process, by the path of their hub."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.ended: Counter[tuple[str, str]] = Counter()

    def begin(self, hub: str) -> None:
        """Counts a connection that was let in."""
        self.open[hub] += 1

    def end(self, hub: str, how: str) -> None:
        """Counts the end of one."""
        self.open[hub] -= 1
        self.ended[hub, how] += 1

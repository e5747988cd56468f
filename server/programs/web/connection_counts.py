"""Counts of open connections, and of closed ones by their ending."""

from collections import Counter


class ConnectionCounts:
    """The connections of this process by the path of their hub."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.ended: Counter[tuple[str, str]] = Counter()

    def begin(self, hub: str) -> None:
        """Count a connection that was accepted."""
        self.open[hub] += 1

    def end(self, hub: str, ending: str) -> None:
        """Count the end of a connection."""
        self.open[hub] -= 1
        self.ended[hub, ending] += 1

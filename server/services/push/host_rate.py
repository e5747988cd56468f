"""The rate of the pushes to a host, so that nobody uses the server to flood it."""

from typing import Protocol


class HostRate(Protocol):
    """Rate limit of the pushes to one host, and of the connections to one network."""

    async def take(self, host: str) -> float:
        """Count a push and return 0; beyond the rate, return the seconds to wait."""


class TooManyPushes(Exception):
    """Too many pushes went to a host, or connections to an address. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait

"""Objects that count what metrics read at each scrape."""

from typing import Protocol


class ConnectionPool(Protocol):
    """A pool of database connections."""

    pool_size: int
    unavailable: int

    @property
    def waiting(self) -> int:
        """Return the number of statements waiting for a connection."""

    @property
    def connections(self) -> int:
        """Return the number of open connections."""

    @property
    def idle_connections(self) -> int:
        """Return the number of idle connections."""


class HashingQueue(Protocol):
    """The queue of passwords to hash."""

    queue: int
    rejected: int

    @property
    def running(self) -> int:
        """Return the number of passwords being hashed."""

    @property
    def waiting(self) -> int:
        """Return the number of passwords waiting."""


class PasswordChecks(Protocol):
    """Counts of passwords verified from the in-memory cache and by hashing."""

    remembered: int
    hashed: int


class QuotaRefusals(Protocol):
    """A count of answers rejected by a quota."""

    refused: int


class HintCounts(Protocol):
    """Counts of hints between workers."""

    is_live: bool
    sent_batches: int
    received: int
    dropped: int

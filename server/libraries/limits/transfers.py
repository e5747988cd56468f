"""Slots for files in transfer: shared fairly, and kept only while data flows."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from server.errors import GymlockerError, ResourceExhausted, Unavailable

# As many files to import, of the maximum size, as fit into a worker's memory.
MAX_TRANSFERS = 16
MAX_TRANSFERS_PER_OWNER = 4
MAX_TRANSFERS_PER_NETWORK = 8
# A transfer is aborted after this long without a byte, or if its average rate is below the minimum.
# Over REST, Envoy forwards a mebibyte at a time.
IDLE_SECONDS = 30
MIN_BYTES_PER_SECOND = 16 * 1024
RETRY_SECONDS = 5


class Transfer:
    """A transfer in progress, and its deadline."""

    def __init__(self, owner_id: UUID, network: str) -> None:
        self.owner_id = owner_id
        self.network = network
        self._timeout = asyncio.timeout(None)
        self._started = self.last_byte = _now()
        self._moved = 0
        # Set when it is aborted before it is complete.
        self._abort_error: GymlockerError | None = None
        self.is_flowing = False

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Enforce the deadline inside. Raises Unavailable if data flows too slowly or not at all.

        A transfer that is aborted raises the error of `abort`.
        """
        try:
            async with self._timeout:
                self.is_flowing = True
                self._extend_deadline()
                yield
        except TimeoutError:
            raise self._abort_error or _too_slow() from None
        finally:
            self.is_flowing = False

    def moved(self, size: int) -> None:
        """Record `size` more bytes. Empty messages do not extend the deadline."""
        if size:
            self.last_byte = _now()
            self._moved += size
            self._extend_deadline()

    def abort(self, error: GymlockerError) -> None:
        """Stop waiting for the rest of the file."""
        self._abort_error = error
        self._timeout.reschedule(_now())

    def _extend_deadline(self) -> None:
        if self._abort_error is None:
            on_pace = self._started + self._moved / MIN_BYTES_PER_SECOND
            self._timeout.reschedule(min(self.last_byte, on_pace) + IDLE_SECONDS)


class Transfers:
    """The transfers of one kind in a worker.

    Each owner and each network has a share of the slots. When all are taken, the network that holds
    most loses one to a network that holds fewer, so no network can lock out the others. `files`
    names them in errors ("imports"), and `reason` is that of a used-up share.
    """

    def __init__(
        self, files: str, *, reason: str, per_network: int = MAX_TRANSFERS_PER_NETWORK
    ) -> None:
        self._files = files
        self._reason = reason
        self._per_network = per_network or MAX_TRANSFERS
        self._transfers: list[Transfer] = []

    @contextmanager
    def acquire(self, owner_id: UUID, network: str) -> Iterator[Transfer]:
        """Hold a slot inside.

        Raises ResourceExhausted if the share is used up, Unavailable if no slot can be freed.
        """
        self._require_share(owner_id, network)
        if len(self._transfers) >= MAX_TRANSFERS:
            self._evict_for(network)
        transfer = Transfer(owner_id, network)
        self._transfers.append(transfer)
        try:
            yield transfer
        finally:
            self._release(transfer)

    def _require_share(self, owner_id: UUID, network: str) -> None:
        of_owner = sum(transfer.owner_id == owner_id for transfer in self._transfers)
        of_network = sum(transfer.network == network for transfer in self._transfers)
        if of_owner >= MAX_TRANSFERS_PER_OWNER or of_network >= self._per_network:
            whose = "you" if of_owner >= MAX_TRANSFERS_PER_OWNER else "your network"
            raise ResourceExhausted(
                f"Too many {self._files} of {whose} are in progress. Try again when one has "
                "finished.",
                reason=self._reason,
                retry_after=RETRY_SECONDS,
            )

    def _evict_for(self, network: str) -> None:
        """Abort the longest idle transfer of the network that holds most slots."""
        slots = Counter(transfer.network for transfer in self._transfers)
        candidates = [
            transfer
            for transfer in self._transfers
            # The other network must not end up with fewer slots than this one.
            if transfer.is_flowing and slots[transfer.network] > slots[network] + 1
        ]
        if not candidates:
            raise self._overloaded()
        evicted = min(candidates, key=lambda each: (-slots[each.network], each.last_byte))
        evicted.abort(self._overloaded())
        self._release(evicted)

    def _release(self, transfer: Transfer) -> None:
        # An evicted transfer has already been removed.
        if transfer in self._transfers:
            self._transfers.remove(transfer)

    def _overloaded(self) -> Unavailable:
        return Unavailable(
            f"Too many {self._files} are in progress. Try again in a moment.",
            reason="OVERLOADED",
            retry_after=RETRY_SECONDS,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _too_slow() -> Unavailable:
    return Unavailable(
        f"The transfer was too slow: no data for {IDLE_SECONDS} s, or less than "
        f"{MIN_BYTES_PER_SECOND // 1024} KiB/s. Try again on a faster connection.",
        reason="UPLOAD_TOO_SLOW",
        retry_after=RETRY_SECONDS,
    )

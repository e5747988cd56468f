"""Slots for uploads in progress: shared fairly, and kept only while data arrives."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from server.errors import GymlockerError, ResourceExhausted, Unavailable

# As many files of the maximum size as fit into a worker's memory.
MAX_UPLOADS = 16
MAX_UPLOADS_PER_OWNER = 4
MAX_UPLOADS_PER_NETWORK = 8
# An upload is aborted after this long without a byte, or if its average rate is below the minimum.
# Over REST, Envoy forwards a mebibyte at a time.
IDLE_SECONDS = 30
MIN_BYTES_PER_SECOND = 16 * 1024
RETRY_SECONDS = 5


class Upload:
    """An upload in progress, and its deadline."""

    def __init__(self, owner_id: UUID, network: str) -> None:
        self.owner_id = owner_id
        self.network = network
        self._timeout = asyncio.timeout(None)
        self._started = self.last_byte = _now()
        self._received = 0
        # Set when it is aborted before it is complete.
        self._abort_error: GymlockerError | None = None
        self.is_receiving = False

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Enforce the deadline inside. Raises Unavailable if data arrives too slowly or not at all.

        An upload that is aborted raises the error of `abort`.
        """
        try:
            async with self._timeout:
                self.is_receiving = True
                self._extend_deadline()
                yield
        except TimeoutError:
            raise self._abort_error or _too_slow() from None
        finally:
            self.is_receiving = False

    def received(self, size: int) -> None:
        """Record `size` more bytes. Empty messages do not extend the deadline."""
        if size:
            self.last_byte = _now()
            self._received += size
            self._extend_deadline()

    def abort(self, error: GymlockerError) -> None:
        """Stop waiting for the rest of the file."""
        self._abort_error = error
        self._timeout.reschedule(_now())

    def _extend_deadline(self) -> None:
        if self._abort_error is None:
            on_pace = self._started + self._received / MIN_BYTES_PER_SECOND
            self._timeout.reschedule(min(self.last_byte, on_pace) + IDLE_SECONDS)


class Uploads:
    """The uploads of a worker.

    Each owner and each network has a share of the slots. When all are taken, the network that holds
    most loses one to a network that holds fewer, so no network can lock out the others.
    """

    def __init__(self, *, per_network: int = MAX_UPLOADS_PER_NETWORK) -> None:
        self._per_network = per_network or MAX_UPLOADS
        self._uploads: list[Upload] = []

    @contextmanager
    def acquire(self, owner_id: UUID, network: str) -> Iterator[Upload]:
        """Hold a slot inside.

        Raises ResourceExhausted if the share is used up, Unavailable if no slot can be freed.
        """
        self._require_share(owner_id, network)
        if len(self._uploads) >= MAX_UPLOADS:
            self._evict_for(network)
        upload = Upload(owner_id, network)
        self._uploads.append(upload)
        try:
            yield upload
        finally:
            self._release(upload)

    def _require_share(self, owner_id: UUID, network: str) -> None:
        of_owner = sum(upload.owner_id == owner_id for upload in self._uploads)
        of_network = sum(upload.network == network for upload in self._uploads)
        if of_owner >= MAX_UPLOADS_PER_OWNER or of_network >= self._per_network:
            whose = "you" if of_owner >= MAX_UPLOADS_PER_OWNER else "your network"
            raise ResourceExhausted(
                f"Too many imports from {whose} are in progress. Try again when one has finished.",
                reason="TOO_MANY_IMPORTS",
                retry_after=RETRY_SECONDS,
            )

    def _evict_for(self, network: str) -> None:
        """Abort the longest idle upload of the network that holds most slots."""
        slots = Counter(upload.network for upload in self._uploads)
        candidates = [
            upload
            for upload in self._uploads
            # The other network must not end up with fewer slots than this one.
            if upload.is_receiving and slots[upload.network] > slots[network] + 1
        ]
        if not candidates:
            raise _overloaded()
        evicted = min(candidates, key=lambda upload: (-slots[upload.network], upload.last_byte))
        evicted.abort(_overloaded())
        self._release(evicted)

    def _release(self, upload: Upload) -> None:
        # An evicted upload has already been removed.
        if upload in self._uploads:
            self._uploads.remove(upload)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _overloaded() -> Unavailable:
    return Unavailable(
        "Too many files are being imported. Try again in a moment.",
        reason="OVERLOADED",
        retry_after=RETRY_SECONDS,
    )


def _too_slow() -> Unavailable:
    return Unavailable(
        f"The upload was too slow: no data for {IDLE_SECONDS} s, or less than "
        f"{MIN_BYTES_PER_SECOND // 1024} KiB/s. Send the file again, or split it.",
        reason="UPLOAD_TOO_SLOW",
        retry_after=RETRY_SECONDS,
    )

"""Places for files on their way here: shared fairly, and kept only by those who send something."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from server.errors import GymlockerError, ResourceExhausted, Unavailable

# Of the largest files, as many as a worker has memory for.
MAX_UPLOADS = 16
MAX_UPLOADS_OF_OWNER = 4
MAX_UPLOADS_PER_NETWORK = 8
# An upload ends after so long without a byte, or when it is slower than this on average. Over REST,
# Envoy passes on a mebibyte at a time.
IDLE_SECONDS = 30
BYTES_PER_SECOND = 16 * 1024
RETRY_SECONDS = 5


class Upload:
    """A file on its way here, and for how long it may still take."""

    def __init__(self, owner_id: UUID, network: str) -> None:
        self.owner_id = owner_id
        self.network = network
        self._timeout = asyncio.timeout(None)
        self._began = self.last_byte = _now()
        self._received = 0
        # Set when it has to end before it is complete.
        self._why: GymlockerError | None = None
        self.is_arriving = False

    @asynccontextmanager
    async def arriving(self) -> AsyncIterator[None]:
        """Wait for the file meanwhile. Raises Unavailable if it does not come, or too slowly."""
        try:
            async with self._timeout:
                self.is_arriving = True
                self._wait_for_more()
                yield
        except TimeoutError:
            raise self._why or _too_slow() from None
        finally:
            self.is_arriving = False

    def came(self, size: int) -> None:
        """Note how much came. Nothing counts for nothing."""
        if size:
            self.last_byte = _now()
            self._received += size
            self._wait_for_more()

    def end(self, why: GymlockerError) -> None:
        """Wait for no more of it."""
        self._why = why
        self._timeout.reschedule(_now())

    def _wait_for_more(self) -> None:
        if self._why is None:
            pace = self._began + self._received / BYTES_PER_SECOND
            self._timeout.reschedule(min(self.last_byte, pace) + IDLE_SECONDS)


class Uploads:
    """The uploads of a worker.

    Each owner and each network has a share of the places. When all are taken, the network that has
    most of them gives one up for a network that has fewer, so that nobody keeps all others out.
    """

    def __init__(self, *, per_network: int = MAX_UPLOADS_PER_NETWORK) -> None:
        self._per_network = per_network or MAX_UPLOADS
        self._uploads: list[Upload] = []

    @contextmanager
    def place(self, owner_id: UUID, network: str) -> Iterator[Upload]:
        """Keep a place meanwhile. Raises ResourceExhausted, or Unavailable if all are taken."""
        self._require_share(owner_id, network)
        if len(self._uploads) >= MAX_UPLOADS:
            self._make_room(network)
        upload = Upload(owner_id, network)
        self._uploads.append(upload)
        try:
            yield upload
        finally:
            self._leave(upload)

    def _require_share(self, owner_id: UUID, network: str) -> None:
        of_owner = sum(upload.owner_id == owner_id for upload in self._uploads)
        of_network = sum(upload.network == network for upload in self._uploads)
        if of_owner >= MAX_UPLOADS_OF_OWNER or of_network >= self._per_network:
            whose = "yours" if of_owner >= MAX_UPLOADS_OF_OWNER else "your network"
            raise ResourceExhausted(
                f"Other files of {whose} are being imported. Try again when they are.",
                reason="TOO_MANY_IMPORTS",
                retry_after=RETRY_SECONDS,
            )

    def _make_room(self, network: str) -> None:
        """End the upload that has been silent for longest, of the network that has most."""
        places = Counter(upload.network for upload in self._uploads)
        candidates = [
            upload
            for upload in self._uploads
            # It must not end up with less than who comes.
            if upload.is_arriving and places[upload.network] > places[network] + 1
        ]
        if not candidates:
            raise _overloaded()
        ended = min(candidates, key=lambda each: (-places[each.network], each.last_byte))
        ended.end(_overloaded())
        self._leave(ended)

    def _leave(self, upload: Upload) -> None:
        # It has left already if it was ended.
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
        f"The file came too slowly: nothing for {IDLE_SECONDS} s, or less than "
        f"{BYTES_PER_SECOND // 1024} KiB/s. Send it again, or divide it.",
        reason="UPLOAD_TOO_SLOW",
        retry_after=RETRY_SECONDS,
    )

"""Memory limits for large responses, while they are built and until clients have read them.

gRPC keeps a response in the worker's memory until the client reads it, and some clients never do.
Unread responses are limited for each client network, and for all of them together. Large responses
are built one at a time, since several copies are in memory meanwhile.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from server.errors import ResourceExhausted, Unavailable
from server.libraries.network.grpc_protocol import ORIGINAL_PATH_KEY
from server.libraries.rpc.context import Context, address_of, values_of

MIB = 1024 * 1024
# Smaller responses are not counted.
COUNTED_BYTES = 64 * 1024
# Larger responses are built one at a time. gRPC clients accept no more by default.
LARGE_BYTES = 4 * MIB
MAX_RESPONSE_BYTES = 64 * MIB
# Unread responses of all clients of a worker. They use twice the memory: gRPC copies them.
MAX_UNREAD_BYTES = 64 * MIB
# For one network, except that a single response may be larger.
UNREAD_BYTES_PER_NETWORK = 24 * MIB
# Envoy reads a transcoded response at once, whatever its client does. It counts for as long as a
# client needs that reads at this speed.
READ_BYTES_PER_SECOND = 8 * MIB
TIMEOUT_SECONDS = 5
RETRY_SECONDS = 5


class LargeResponses:
    """Counts a worker's unread responses and serializes the building of large ones.

    `network_of` groups addresses. With `per_network` of 0, networks have no limit of their own.
    """

    def __init__(
        self,
        network_of: Callable[[str], str] = str,
        *,
        per_network: int = UNREAD_BYTES_PER_NETWORK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._network_of = network_of
        self._per_network = per_network or MAX_UNREAD_BYTES
        self._clock = clock
        self._building = asyncio.Lock()
        self._released = asyncio.Event()
        # Bytes in this worker's memory, and bytes that count against a network.
        self._held = 0
        self._unread: Counter[str] = Counter()
        # When the clients behind Envoy will have read their responses.
        self._read_at: dict[str, float] = {}

    def are_unread(self) -> bool:
        """Check whether any response is unread."""
        return bool(self._unread)

    async def wait_for_room(self, context: Context) -> None:
        """Wait until the client's network is below its limit. Raises Unavailable."""
        network = self._network(context)
        await self._until(lambda: self._unread[network] < self._per_network)

    @asynccontextmanager
    async def acquire(self, context: Context, size: int = LARGE_BYTES) -> AsyncIterator[int]:
        """Reserve the right to build a response of `size`; yield the maximum size.

        Raises Unavailable after TIMEOUT_SECONDS, ResourceExhausted if `size` is never possible.
        """
        if size > MAX_RESPONSE_BYTES:
            raise ResourceExhausted(
                f"The response would have {size // MIB} MiB; the limit is "
                f"{MAX_RESPONSE_BYTES // MIB} MiB. Request less at once.",
                reason="REPLY_TOO_LARGE",
                retry_after=3600,
            )
        network = self._network(context)
        # Before taking the lock, so that calls with room go first.
        await self._until(lambda: self._room(network) >= size)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._building.acquire()
        except TimeoutError:
            raise overloaded() from None
        try:
            room = self._room(network)
            if room < size:
                raise overloaded()
            yield min(room, MAX_RESPONSE_BYTES)
        finally:
            self._building.release()

    def hold(self, context: Context, size: int, *, always: bool) -> bool:
        """Count a response until the client has read it, as far as the worker can tell.

        Return False, and count nothing, if there is no room for it and not `always`.
        """
        network = self._network(context)
        if self._room(network) < size and not always:
            return False
        self._held += size
        self._unread[network] += size
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        # The task of a call ends when gRPC has sent the response or given up.
        transcoded = bool(values_of(ORIGINAL_PATH_KEY))
        task.add_done_callback(partial(self._sent, network, size, transcoded))
        return True

    def _network(self, context: Context) -> str:
        return self._network_of(address_of(context))

    def _room(self, network: str) -> int:
        """Return the maximum size of a response to `network` now."""
        unread = self._unread[network]
        share = self._per_network - unread if unread else MAX_RESPONSE_BYTES
        return min(share, MAX_UNREAD_BYTES - self._held)

    async def _until(self, has_room: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while not has_room():
                    await self._released.wait()
        except TimeoutError:
            raise overloaded() from None

    def _sent(self, network: str, size: int, transcoded: bool, task: object) -> None:
        self._held -= size
        if not transcoded:
            self._read(network, size)
            return
        now = self._clock()
        read_at = max(now, self._read_at.get(network, now)) + size / READ_BYTES_PER_SECOND
        self._read_at[network] = read_at
        asyncio.get_running_loop().call_later(read_at - now, self._read, network, size)
        self._wake()

    def _read(self, network: str, size: int) -> None:
        self._unread[network] -= size
        if not self._unread[network]:
            del self._unread[network]
            self._read_at.pop(network, None)
        self._wake()

    def _wake(self) -> None:
        self._released.set()
        self._released.clear()


def overloaded() -> Unavailable:
    """Return the error for a response that exceeds the memory limits."""
    return Unavailable(
        "Too many responses are unread. Read them, retry in a moment, or request less.",
        reason="OVERLOADED",
        retry_after=RETRY_SECONDS,
    )

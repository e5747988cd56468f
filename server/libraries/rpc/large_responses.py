"""Bounds on the memory of replies: of those being made, and of those that nobody has read yet.

gRPC keeps a reply in the worker's memory until the caller takes it, and some callers never do. Each
client network may leave a share unread, and all of them together as much as a worker has memory
for. Replies of some size are made one at a time, since a reply is in memory several times over
while it is made.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from server.errors import ResourceExhausted, Unavailable
from server.libraries.rpc.context import Context, address_of, values_of

MIB = 1024 * 1024
# Smaller replies are not counted.
COUNTED_BYTES = 64 * 1024
# More than this is large. Clients of gRPC take no more unless they were told to.
LARGE_BYTES = 4 * MIB
MAX_REPLY_BYTES = 64 * MIB
# Unread replies of all callers of a worker. In memory they are twice that: gRPC copies them.
MAX_UNREAD_BYTES = 64 * MIB
# Of one network, beside a single reply, which may be larger.
UNREAD_BYTES_PER_NETWORK = 24 * MIB
# A transcoded reply is taken by Envoy at once, whatever its caller does. It counts for as long as a
# caller needs who reads this many bytes a second.
READ_BYTES_PER_SECOND = 8 * MIB
TIMEOUT_SECONDS = 5
RETRY_SECONDS = 5
# Set by Envoy on a transcoded call.
_ORIGINAL_PATH = "x-envoy-original-path"


class LargeResponses:
    """Counts the replies of a worker that are not read yet, and lets it make one large one a time.

    `network_of` says what addresses count together; `per_network` of 0 is no limit for one of them.
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
        self._turn = asyncio.Lock()
        self._released = asyncio.Event()
        # Bytes in this worker's memory, and bytes that count against a network.
        self._held = 0
        self._unread: Counter[str] = Counter()
        # When Envoy's callers will have read what they were sent.
        self._read_at: dict[str, float] = {}

    def are_unread(self) -> bool:
        """Check whether there is anything to wait for."""
        return bool(self._unread)

    async def wait_for_room(self, context: Context) -> None:
        """Return once the caller's network has part of its share left. Raises Unavailable."""
        network = self._network(context)
        await self._until(lambda: self._unread[network] < self._per_network)

    @asynccontextmanager
    async def turn(self, context: Context, size: int = LARGE_BYTES) -> AsyncIterator[int]:
        """Return once it is this call's turn to make a reply of `size`; yields its largest size.

        Raises Unavailable after TIMEOUT_SECONDS, ResourceExhausted if no reply may be so large.
        """
        if size > MAX_REPLY_BYTES:
            raise ResourceExhausted(
                f"The reply would have {size // MIB} MiB, and {MAX_REPLY_BYTES // MIB} MiB is the "
                "most that one may have. Ask for less at once.",
                reason="REPLY_TOO_LARGE",
                retry_after=3600,
            )
        network = self._network(context)
        # Without the turn, so that those who have room go first.
        await self._until(lambda: self._room(network) >= size)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise overloaded() from None
        try:
            room = self._room(network)
            if room < size:
                raise overloaded()
            yield min(room, MAX_REPLY_BYTES)
        finally:
            self._turn.release()

    def hold(self, context: Context, size: int, *, always: bool) -> bool:
        """Count a reply until the caller has read it, as far as that is known here.

        Return False, and count nothing, if there is no room for it; unless `always`.
        """
        network = self._network(context)
        if self._room(network) < size and not always:
            return False
        self._held += size
        self._unread[network] += size
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        # The task of a call ends when gRPC has sent the reply, or gave it up.
        transcoded = bool(values_of(_ORIGINAL_PATH))
        task.add_done_callback(partial(self._sent, network, size, transcoded))
        return True

    def _network(self, context: Context) -> str:
        return self._network_of(address_of(context))

    def _room(self, network: str) -> int:
        """Return how large a reply to `network` may be now."""
        unread = self._unread[network]
        share = self._per_network - unread if unread else MAX_REPLY_BYTES
        return min(share, MAX_UNREAD_BYTES - self._held)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while not is_so():
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
    """Return the error for a reply that there is no room for."""
    return Unavailable(
        "Too many replies wait to be read. Read them, try again in a moment, or ask for less.",
        reason="OVERLOADED",
        retry_after=RETRY_SECONDS,
    )

"""Large replies, which wait for one another.

A reply is in memory several times over until the caller has it: as rows, as a message, as bytes.
Anybody may ask for some hundred megabytes, and twice at once.
"""

import asyncio
from typing import Any

from server.errors import Unavailable

# More than this is large. Clients of gRPC take no more unless they were told to.
LARGE_BYTES = 4 * 1024 * 1024
PATIENCE_SECONDS = 10


class LargeReplies:
    """Lets a worker make one large reply at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def wait_for_turn(self, context: Any) -> None:
        """Returns when no other call has a turn; this one has it until its caller has the reply.

        Raises Unavailable after PATIENCE_SECONDS.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable(
                "Other large replies are being sent. Try again in a moment, or ask for less.",
                reason="OVERLOADED",
            ) from None
        context.add_done_callback(lambda _: self._turn.release())

"""Shares of a worker: no client address takes the places of all others.

A call holds a place from its first interceptor to its end, whatever it waits for. Calls and streams
are counted apart, so that open streams keep no call out. Envoy admits calls at the pace at which
workers answer them (`max_requests_per_io_cycle` in envoy.yaml); shares bound the slow ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from server.auth.network import network_of
from server.errors import ResourceExhausted
from server.rpc.caller import address_of
from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method

RETRY_AFTER_SECONDS = 1


class Shares:
    """Places of one worker, at most `limit` of them for each address; 0 is no limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight: Counter[str] = Counter()

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Hold a place. Raise ResourceExhausted if the address has its share already."""
        network = network_of(address)
        if self._limit and self._in_flight[network] >= self._limit:
            raise _too_many_calls(self._limit)
        self._in_flight[network] += 1
        try:
            yield
        finally:
            self._in_flight[network] -= 1
            if not self._in_flight[network]:
                # Addresses that are gone take no memory.
                del self._in_flight[network]


class AdmissionInterceptor(Interceptor):
    """Limits what one address has in flight."""

    def __init__(self, methods: Mapping[str, Method], *, calls: Shares, streams: Shares) -> None:
        super().__init__(methods)
        self._calls = calls
        self._streams = streams

    def surround(self, method: Method, proceed: Proceed) -> Proceed:
        """Hold a place for each call."""
        shares = self._streams if method.streams else self._calls

        async def admit(request: Any, context: Context) -> Any:
            with shares.place(address_of(context)):
                return await proceed(request, context)

        return admit


def _too_many_calls(limit: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"Your address has {limit} calls in flight, the limit. Wait for replies, then send more.",
        reason="TOO_MANY_CALLS",
        retry_after=RETRY_AFTER_SECONDS,
    )

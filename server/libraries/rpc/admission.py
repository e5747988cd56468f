"""Shares of a worker: no client address takes the places of all others.

A call holds a place from its first interceptor to its end, whatever it waits for. Calls and streams
are counted apart, so that open streams keep no call out. Envoy admits calls at the pace at which
workers answer them (`max_requests_per_io_cycle` in envoy.yaml); shares bound the slow ones.
"""

from collections.abc import Mapping
from typing import Any

from server.errors import ResourceExhausted
from server.libraries.rpc.context import Context, calling_network
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

RETRY_AFTER_SECONDS = 1
HEALTH = ("/gymlocker.v2.SystemService/GetHealth", "/grpc.health.v1.Health/Check")


class Shares:
    """Places of one worker, at most `limit` of them for each network; 0 is no limit.

    A network is what one caller has: see `network_of`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight: dict[str, int] = {}

    def take(self, network: str) -> None:
        """Take a place. Raise ResourceExhausted if the network has its share already."""
        taken = self._in_flight.get(network, 0)
        if taken >= self._limit > 0:
            raise _too_many_calls(self._limit)
        self._in_flight[network] = taken + 1

    def give_back(self, network: str) -> None:
        """Give a place back. A network that has none takes no memory."""
        left = self._in_flight[network] - 1
        if left:
            self._in_flight[network] = left
        else:
            del self._in_flight[network]


class AdmissionInterceptor(Interceptor):
    """Limits what one address has in flight."""

    def __init__(self, methods: Mapping[str, Method], *, calls: Shares, streams: Shares) -> None:
        super().__init__(methods)
        self._calls = calls
        self._streams = streams

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Hold a place for each call, unless it asks how the server is: that is always told."""
        if method.path in HEALTH:
            return call_next
        shares = self._streams if method.streams else self._calls

        async def admit(request: Any, context: Context) -> Any:
            network = calling_network()
            shares.take(network)
            try:
                return await call_next(request, context)
            finally:
                shares.give_back(network)

        return admit


def _too_many_calls(limit: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"Your address has {limit} calls in flight, the limit. Wait for replies, then send more.",
        reason="TOO_MANY_CALLS",
        retry_after=RETRY_AFTER_SECONDS,
    )

"""Limits on concurrent calls, so that no client network starves the others.

A call counts from its first interceptor to its end, whatever it waits for. Calls, streams and
streams that wait for changes have separate limits, so that open streams do not block calls. Envoy
admits calls at the rate at which workers complete them (`max_requests_per_io_cycle` in envoy.yaml);
these limits bound slow calls.
"""

from collections.abc import Mapping
from typing import Any

from server.errors import ResourceExhausted
from server.libraries.network.grpc_protocol import HEALTH_CHECK_PATH
from server.libraries.rpc.context import Context, calling_network
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

RETRY_AFTER_SECONDS = 1
HEALTH_CHECKS = ("/gymlocker.v2.SystemService/GetHealth", HEALTH_CHECK_PATH)


class ConcurrencyLimit:
    """At most `limit` calls in flight for each client network; 0 is no limit.

    See `network_of` for what counts as one network.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_flight: dict[str, int] = {}

    def acquire(self, network: str) -> None:
        """Count a call. Raise ResourceExhausted if the network is at its limit."""
        in_flight = self._in_flight.get(network, 0)
        if in_flight >= self._limit > 0:
            raise _too_many_calls(self._limit)
        self._in_flight[network] = in_flight + 1

    def release(self, network: str) -> None:
        """Stop counting a call. Networks without calls use no memory."""
        remaining = self._in_flight[network] - 1
        if remaining:
            self._in_flight[network] = remaining
        else:
            del self._in_flight[network]


class AdmissionInterceptor(Interceptor):
    """Limits the calls that one client network has in flight."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        *,
        calls: ConcurrencyLimit,
        streams: ConcurrencyLimit,
        watchers: ConcurrencyLimit,
    ) -> None:
        super().__init__(methods)
        self._calls = calls
        self._streams = streams
        self._watchers = watchers

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Count each call while it is in flight, except health checks."""
        if method.path in HEALTH_CHECKS:
            return call_next
        limit = self._limit(method)

        async def admit(request: Any, context: Context) -> Any:
            network = calling_network()
            limit.acquire(network)
            try:
                return await call_next(request, context)
            finally:
                limit.release(network)

        return admit

    def _limit(self, method: Method) -> ConcurrencyLimit:
        if method.watches:
            return self._watchers
        return self._streams if method.streams else self._calls


def _too_many_calls(limit: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"Your address has {limit} calls in flight, the limit. Wait for responses, then retry.",
        reason="TOO_MANY_CALLS",
        retry_after=RETRY_AFTER_SECONDS,
    )

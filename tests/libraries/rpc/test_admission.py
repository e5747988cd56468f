"""ConcurrencyLimit: calls in flight for each client network."""

import pytest

from server.errors import ResourceExhausted
from server.libraries.rpc.admission import ConcurrencyLimit


def test_rejects_calls_above_the_limit_of_a_network() -> None:
    limit = ConcurrencyLimit(2)
    limit.acquire("192.0.2.1")
    limit.acquire("192.0.2.1")
    with pytest.raises(ResourceExhausted) as caught:
        limit.acquire("192.0.2.1")
    assert (caught.value.reason, caught.value.retry_after) == ("TOO_MANY_CALLS", 1)
    limit.acquire("192.0.2.2")
    limit.release("192.0.2.1")
    limit.acquire("192.0.2.1")


def test_zero_is_no_limit() -> None:
    limit = ConcurrencyLimit(0)
    for _ in range(1000):
        limit.acquire("192.0.2.1")


def test_networks_without_calls_use_no_memory() -> None:
    limit = ConcurrencyLimit(1)
    for number in range(1000):
        limit.acquire(f"192.0.2.{number}")
        limit.release(f"192.0.2.{number}")
    assert not limit._in_flight

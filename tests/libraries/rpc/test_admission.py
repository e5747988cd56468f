"""Shares of a worker by network."""

import pytest

from server.errors import ResourceExhausted
from server.libraries.rpc.admission import Shares


def test_a_network_has_its_share_and_no_more() -> None:
    shares = Shares(2)
    shares.take("192.0.2.1")
    shares.take("192.0.2.1")
    with pytest.raises(ResourceExhausted) as caught:
        shares.take("192.0.2.1")
    assert (caught.value.reason, caught.value.retry_after) == ("TOO_MANY_CALLS", 1)
    shares.take("192.0.2.2")
    shares.give_back("192.0.2.1")
    shares.take("192.0.2.1")


def test_zero_is_no_limit() -> None:
    shares = Shares(0)
    for _ in range(1000):
        shares.take("192.0.2.1")


def test_networks_that_are_gone_take_no_memory() -> None:
    shares = Shares(1)
    for number in range(1000):
        shares.take(f"192.0.2.{number}")
        shares.give_back(f"192.0.2.{number}")
    assert not shares._in_flight

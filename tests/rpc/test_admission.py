"""Shares of a worker by address."""

from contextlib import ExitStack

import pytest

from server.errors import ResourceExhausted
from server.rpc.admission import Shares


def test_an_address_has_its_share_and_no_more() -> None:
    shares = Shares(2)
    with shares.place("192.0.2.1"), shares.place("192.0.2.1"):
        with pytest.raises(ResourceExhausted) as caught, shares.place("192.0.2.1"):
            pass
        assert (caught.value.reason, caught.value.retry_after) == ("TOO_MANY_CALLS", 1)
        with shares.place("192.0.2.2"):
            pass
    with shares.place("192.0.2.1"):
        pass


def test_a_place_is_given_back_when_the_call_fails() -> None:
    shares = Shares(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), shares.place("192.0.2.1"):
            raise ZeroDivisionError


def test_a_household_of_ipv6_is_one_address() -> None:
    shares = Shares(1)
    with (
        shares.place("2001:db8::1"),
        pytest.raises(ResourceExhausted),
        shares.place("2001:db8::2"),
    ):
        pass


def test_zero_is_no_limit() -> None:
    shares = Shares(0)
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(shares.place("192.0.2.1"))


def test_addresses_that_are_gone_take_no_memory() -> None:
    shares = Shares(1)
    for number in range(1000):
        with shares.place(f"192.0.2.{number}"):
            pass
    assert not shares._in_flight

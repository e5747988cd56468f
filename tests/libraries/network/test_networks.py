"""Sets of addresses."""

import pytest

from server.libraries.network.networks import contains, parse_networks

NETWORKS = parse_networks("192.0.2.7, 10.0.0.0/8, 2001:db8::/32")


@pytest.mark.parametrize(
    "address", ["192.0.2.7", "10.255.0.1", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:192.0.2.7"]
)
def test_contains(address: str) -> None:
    assert contains(NETWORKS, address)


@pytest.mark.parametrize(
    "address", ["192.0.2.8", "11.0.0.1", "2001:db9::1", "::ffff:192.0.2.8", "", "unix:", "x"]
)
def test_does_not_contain(address: str) -> None:
    assert not contains(NETWORKS, address)


@pytest.mark.parametrize("text", ["", " ", ","])
def test_nothing_contains_no_address(text: str) -> None:
    assert not contains(parse_networks(text), "127.0.0.1")


@pytest.mark.parametrize("text", ["host", "10.0.0.1/8", "10.0.0.0/33", "1.2.3"])
def test_rejects_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("/")[0]):
        parse_networks(text)

"""Addresses of push services."""

import asyncio
import socket
import threading
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.push import addresses
from server.services.push.addresses import Addresses, ForbiddenAddress, SystemResolver, is_public

PUBLIC = [
    "1.1.1.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:800::200e",
    # A translator's (NAT64), a tunnel's (6to4) and a mapped one of public addresses.
    "64:ff9b::101:101",
    "2002:101:101::1",
    "::ffff:1.1.1.1",
]
PRIVATE_IPV4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_IPV6 = [
    "::",
    "::1",
    "::2",
    "100::1",
    "64:ff9b:1::101:101",
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


def hexadecimal(ipv4: str) -> str:
    """Return an IPv4 address as the last half of an IPv6 one."""
    packed = ip_address(ipv4).packed
    return f"{packed[:2].hex()}:{packed[2:].hex()}"


def wrapped(ipv4: str) -> list[str]:
    """Return the IPv6 addresses that lead to an IPv4 one."""
    half = hexadecimal(ipv4)
    inverted = int(ip_address(ipv4)) ^ 0xFFFF_FFFF
    return [
        f"::ffff:{ipv4}",
        f"::ffff:{half}",
        f"::{half}",
        f"64:ff9b::{half}",
        f"2002:{half}::1",
        f"2001:0:{half}::1",
        f"2001:0:101:101::{inverted >> 16:x}:{inverted & 0xFFFF:x}",
    ]


class TestIsPublic:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_is_true_for_public_addresses(self, address: str) -> None:
        assert is_public(ip_address(address))

    @pytest.mark.parametrize("address", PRIVATE_IPV4 + PRIVATE_IPV6)
    def test_is_false_for_others(self, address: str) -> None:
        assert not is_public(ip_address(address))

    @pytest.mark.parametrize("address", PRIVATE_IPV4)
    def test_is_false_for_others_inside_ipv6(self, address: str) -> None:
        assert [each for each in wrapped(address) if is_public(ip_address(each))] == []

    @given(st.ip_addresses(v=4).filter(lambda address: not is_public(address)))
    def test_wrapping_makes_no_address_public(self, address: object) -> None:
        assert not any(is_public(ip_address(each)) for each in wrapped(str(address)))


def resolver(*answers: list[str]) -> addresses.Resolver:
    """Return a resolver that gives one answer after the other."""
    left = list(answers)

    async def resolve(host: str) -> list[str]:
        return left.pop(0)

    return resolve


class TestAddresses:
    async def test_returns_public_addresses(self) -> None:
        found = Addresses(resolver(["1.1.1.1", "2606:4700::1"]), allow_private=False)
        assert await found.of("push.example") == ["1.1.1.1", "2606:4700::1"]

    @pytest.mark.parametrize(
        "answer", [["1.1.1.1", "10.0.0.1"], ["fe80::1%eth0"], ["::ffff:127.0.0.1"], []], ids=str
    )
    async def test_rejects_host_with_another_one(self, answer: list[str]) -> None:
        with pytest.raises(ForbiddenAddress):
            await Addresses(resolver(answer), allow_private=False).of("push.example")

    async def test_resolves_once_for_each_question(self) -> None:
        found = Addresses(resolver(["1.1.1.1"], ["10.0.0.1"]), allow_private=False)
        assert await found.of("push.example") == ["1.1.1.1"]
        with pytest.raises(ForbiddenAddress):
            await found.of("push.example")

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:a00:1", "64:ff9b::7f00:1"])
    async def test_checks_address_without_resolving(self, host: str) -> None:
        with pytest.raises(ForbiddenAddress):
            await Addresses(resolver(), allow_private=False).of(host)
        assert await Addresses(resolver(), allow_private=True).of(host) == [host]


class TestSystemResolver:
    async def test_returns_addresses(self) -> None:
        assert "127.0.0.1" in await SystemResolver()("localhost")

    @pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "a" * 70 + ".example"])
    async def test_raises_oserror_for_unknown_names(self, host: str) -> None:
        with pytest.raises(OSError, match=r"\w"):
            await SystemResolver()(host)

    async def test_ends_in_time_and_limits_hung_lookups(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hang, started = threading.Event(), []

        def hung(host: str, *_: object, **__: object) -> list[object]:
            started.append(host)
            hang.wait()
            return []

        monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.1)
        monkeypatch.setattr(addresses, "MAX_LOOKUPS", 2)
        monkeypatch.setattr(socket, "getaddrinfo", hung)
        resolve = SystemResolver()
        results = await asyncio.gather(
            *[resolve(f"host{number}") for number in range(4)], return_exceptions=True
        )
        hang.set()
        assert [type(result) for result in results] == [TimeoutError] * 4
        assert started == ["host0", "host1"]

"""Addresses of push services: each name is resolved once, and all of its addresses are checked.

Users choose the host that the server connects to. It must not be one that only the server reaches.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from typing import TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address
# Returns the addresses of a host, most preferred first. Raises OSError.
Resolver: TypeAlias = Callable[[str], Awaitable[list[str]]]

RESOLVE_SECONDS = 5.0
MAX_LOOKUPS = 8

# All that is allocated to the public so far.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
# Those for special purposes that Python's older releases take for global.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


class ForbiddenAddress(Exception):
    """The host has an address that is not public, or none at all."""


def is_public(address: IPAddress) -> bool:
    """Check whether an address is one of the public internet, also through a translation."""
    if isinstance(address, IPv6Address):
        if embedded := _embedded(address):
            return all(map(is_public, embedded))
        if address not in _GLOBAL_UNICAST:
            return False
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not is_special


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to this address may be sent to."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if address in _NAT64 or address in _COMPATIBLE:
        return (IPv4Address(address.packed[-4:]),)
    return ()


class Addresses:
    """Checked addresses of hosts. With `allow_private`, none is forbidden."""

    def __init__(self, resolve: Resolver, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private

    async def of(self, host: str) -> list[str]:
        """Return the addresses of a host, itself if it is one.

        Raise OSError if it cannot be resolved, ForbiddenAddress if one of them is not public.
        """
        found = [host] if _is_address(host) else await self._resolve(host)
        if not found:
            raise ForbiddenAddress
        if not self._allow_private and not all(is_public(ip_address(each)) for each in found):
            raise ForbiddenAddress
        return found


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class SystemResolver:
    """Resolver of the operating system.

    A lookup cannot be stopped and may take half a minute, so it has a thread of its own: others who
    use asyncio's threads do not wait for it, nor does the end of the process.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_LOOKUPS)

    async def __call__(self, host: str) -> list[str]:
        """Return the addresses of a host. Raise OSError, of which TimeoutError is one."""
        async with asyncio.timeout(RESOLVE_SECONDS):
            await self._free.acquire()
            return await asyncio.shield(self._started(host))

    def _started(self, host: str) -> asyncio.Future[list[str]]:
        """Start a lookup, which keeps its place until it ends."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()

        def end(result: list[str] | OSError) -> None:
            self._free.release()
            if isinstance(result, OSError):
                future.set_exception(result)
                # Otherwise asyncio logs it if nobody waits any more.
                future.exception()
            else:
                future.set_result(result)

        def look_up() -> None:
            result = _look_up(host)
            if not loop.is_closed():
                loop.call_soon_threadsafe(end, result)

        Thread(target=look_up, name="push-lookup", daemon=True).start()
        return future


def _look_up(host: str) -> list[str] | OSError:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:
        return OSError("not a host name")
    # Without the scope of a link-local address, which `ip_address` reads as well.
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

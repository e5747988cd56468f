"""What addresses have in common that one caller can call from."""

import ipaddress
from functools import lru_cache


# Reading one takes as long as a good part of a call.
@lru_cache(maxsize=4096)
def broad_network_of(address: str) -> str:
    """Return what one site or provider's customer can have: an IPv4 /24, or an IPv6 /48."""
    network = network_of(address)
    try:
        parsed = ipaddress.ip_network(network)
    except ValueError:
        return address
    return str(parsed.supernet(new_prefix=24 if parsed.version == 4 else 48))


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What one guesser has: an IPv4 address, or the /64 that IPv6 gives to a household."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))

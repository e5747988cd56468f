"""The networks that clients are counted by, since one client may use many addresses."""

import ipaddress
from functools import lru_cache


# Cached: parsing an address takes a noticeable part of a call.
@lru_cache(maxsize=4096)
def broad_network_of(address: str) -> str:
    """Return the network of a site or a provider's customer: an IPv4 /24, or an IPv6 /48."""
    network = network_of(address)
    try:
        parsed = ipaddress.ip_network(network)
    except ValueError:
        return address
    return str(parsed.supernet(new_prefix=24 if parsed.version == 4 else 48))


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network of a household: an IPv4 address, or an IPv6 /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))

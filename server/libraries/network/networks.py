"""Sets of addresses, such as `10.0.0.0/8, ::1`."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Networks: TypeAlias = "tuple[IPv4Network | IPv6Network, ...]"


def parse_networks(text: str) -> Networks:
    """Return the addresses and networks in `text`, separated by commas.

    Raise ValueError for one that is neither, or that has bits beyond its prefix.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


# Cached: parsing an address takes a noticeable part of a call.
@lru_cache(maxsize=4096)
def contains(networks: Networks, address: str) -> bool:
    """Check whether an address is in one of the networks; what is no address is in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)

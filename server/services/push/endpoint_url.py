"""The form of push endpoints.

Only one spelling of each URL is accepted, and its parts are used as they were parsed here: no other
parser can take the host for another one.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

HTTPS_PORT = 443
MAX_PORT = 65535
MAX_NAME = 253

_URL = re.compile(
    r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(:(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """The parts of an endpoint. An IPv6 host has no brackets; the target is path and query."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Return host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Return the origin of the push service."""
        return f"https://{self.authority}"


def parse_endpoint(text: str, *, allow_private: bool) -> EndpointUrl:
    """Return the parts of an endpoint. Raise ValueError with what is wrong.

    `allow_private` also allows other ports, and names of a local network. Addresses are checked
    when the name is resolved.
    """
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be an https URL in lower case and ASCII, without user name and fragment, such as "
            "https://push.example.com/abc"
        )
    host, port = match["host"].strip("[]"), int(match["port"] or HTTPS_PORT)
    if not (_is_address(host) or _is_name(host, allow_private=allow_private)):
        raise ValueError("must name its host by a full domain name, or by an IP address")
    if port > MAX_PORT or (port != HTTPS_PORT and not allow_private):
        raise ValueError("must use port 443")
    return EndpointUrl(host, port, match["target"] or "/")


def _is_address(host: str) -> bool:
    """Check whether it is an address in its usual form: not 127.1, 0177.0.0.1 or 2130706433."""
    try:
        return str((IPv6Address if ":" in host else IPv4Address)(host)) == host
    except AddressValueError:
        return False


def _is_name(host: str, *, allow_private: bool) -> bool:
    labels = host.split(".")
    if len(host) > MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        return False
    # No domain ends in a number; resolvers take such names for addresses.
    if labels[-1][0].isdigit():
        return False
    return allow_private or (len(labels) > 1 and labels[-1] != _LOCAL)

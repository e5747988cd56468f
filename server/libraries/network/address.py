"""Addresses as people give them: host:port, or unix:/path of a socket."""

import errno
import re
import socket
from typing import NamedTuple

from server.errors import StartError

UNIX = "unix:"
MAX_PORT = 65535

_HOST = r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_ADDRESS = re.compile(rf"({_HOST}:)?(?P<port>[0-9]{{1,5}})")


class Address(NamedTuple):
    """A host and a port; one of IPv6 has no brackets here."""

    host: str
    port: int

    @property
    def own_host(self) -> str:
        """The host by which this machine itself reaches it: 0.0.0.0 is no place to go to."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def name(self) -> str:
        """host:port for this machine, as URLs have it."""
        host = f"[{self.own_host}]" if ":" in self.own_host else self.own_host
        return f"{host}:{self.port}"


def host_and_port(text: str, host: str = "") -> Address | None:
    """The parts of host:port, None if it is something else. `host` is that of a port alone."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > MAX_PORT:
        return None
    host = match["host"] or host
    return Address(host.strip("[]"), int(match["port"])) if host else None


def option_address(option: str, text: str, example: str, host: str = "") -> Address:
    """The same for what `option` says. Raises StartError, with an example to follow."""
    address = host_and_port(text, host)
    if address is None:
        raise StartError(f"{option} {text} is not host:port; for example: {example}")
    return address


def metrics_address(text: str) -> Address:
    """What `--metrics` says: host:port, or a port of this machine alone. Raises StartError."""
    return option_address("--metrics", text, "127.0.0.1:9464", host="127.0.0.1")


def unix_path(address: str) -> str | None:
    """The path of a unix socket, None if the address is another one."""
    return address.removeprefix(UNIX) if address.startswith(UNIX) else None


def in_use(address: str) -> bool:
    """Whether somebody listens there already; of a name with several addresses, at one of them.

    gRPC would take over a unix socket without a word, and be content with the other addresses.
    """
    if path := unix_path(address):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(path) == 0
    place = host_and_port(address)
    if place is None:
        return False
    # For gRPC these are localhost, whatever the system says.
    hosts = ("127.0.0.1", "::1") if place.host == "localhost" else (place.host,)
    return any(_in_use(*found) for host in hosts for found in _found(host, place.port))


def _found(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return [(family, place) for family, _, _, _, place in found]


def _in_use(family: int, place: tuple[object, ...]) -> bool:
    try:
        tried(family, place)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def tried(family: int, place: tuple[object, ...]) -> Address:
    """The numeric address of a place, with a port that was free a moment ago. Raises OSError."""
    with socket.socket(family) as probe:
        # Connections that closed a moment ago do not count, listeners do.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # As Envoy does; else a listener on IPv4 would count too.
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(place)
        host, port = probe.getsockname()[:2]
        return Address(host, port)

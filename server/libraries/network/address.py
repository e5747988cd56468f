"""Addresses as in options: host:port, or unix:/path of a socket."""

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
    """A host and a port. An IPv6 host has no brackets."""

    host: str
    port: int

    @property
    def own_host(self) -> str:
        """Return the host to connect to from this machine: 0.0.0.0 cannot be dialled."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def name(self) -> str:
        """Return host:port for URLs on this machine."""
        host = f"[{self.own_host}]" if ":" in self.own_host else self.own_host
        return f"{host}:{self.port}"


def host_and_port(text: str, host: str = "") -> Address | None:
    """Parse host:port; return None if `text` is anything else.

    `host` is the host of a bare port.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > MAX_PORT:
        return None
    host = match["host"] or host
    return Address(host.strip("[]"), int(match["port"])) if host else None


def option_address(option: str, text: str, example: str, host: str = "") -> Address:
    """Parse the host:port of a command-line `option`. Raises StartError with an example."""
    address = host_and_port(text, host)
    if address is None:
        raise StartError(f"{option} {text} is not host:port; for example: {example}")
    return address


def metrics_address(text: str) -> Address:
    """Parse `--metrics`: host:port, or a port on the loopback interface. Raises StartError."""
    return option_address("--metrics", text, "127.0.0.1:9464", host="127.0.0.1")


def cannot_listen(address: str, option: str, forms: str = "host:port or unix:path") -> StartError:
    """Return the error for an `address` that cannot be bound; `option` sets another one."""
    return StartError(
        f"Cannot listen on {address}: it is in use or not an address of this machine. "
        f"Give another one with {option}, as {forms}."
    )


def unix_path(address: str) -> str | None:
    """Return the path of a unix socket; None for other addresses."""
    return address.removeprefix(UNIX) if address.startswith(UNIX) else None


def in_use(address: str) -> bool:
    """Check whether any address that `address` resolves to has a listener already.

    gRPC would silently take over a unix socket, and skip the addresses that are taken.
    """
    if path := unix_path(address):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(path) == 0
    parsed = host_and_port(address)
    if parsed is None:
        return False
    # gRPC resolves localhost to these, regardless of the system's configuration.
    hosts = ("127.0.0.1", "::1") if parsed.host == "localhost" else (parsed.host,)
    return any(_in_use(*found) for host in hosts for found in _resolve(host, parsed.port))


def _resolve(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return [(family, socket_address) for family, _, _, _, socket_address in found]


def _in_use(family: int, socket_address: tuple[object, ...]) -> bool:
    try:
        probe_bind(family, socket_address)
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def probe_bind(family: int, socket_address: tuple[object, ...]) -> Address:
    """Bind and release a socket; return its numeric address. Raises OSError."""
    with socket.socket(family) as probe:
        # Ignore recently closed connections, but not listeners.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # As Envoy does; otherwise a listener on IPv4 would count as well.
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(socket_address)
        host, port = probe.getsockname()[:2]
        return Address(host, port)

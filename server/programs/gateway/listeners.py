"""How the front door is reached: over TCP and, with TLS, over UDP as well, which is HTTP/3.

What a listener does stands in envoy.yaml once; here stands in what the two differ.
"""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.programs.gateway.certificates import quic_transport_socket, transport_socket

# For two years a browser that was here by TLS does not try without.
_ONLY_WITH_TLS = ("strict-transport-security", "max-age=63072000")
# For a day it comes back by HTTP/3, if it gets through.
_HTTP3_SECONDS = 86400


# Of <netinet/tcp.h>, on Linux alone; the number means something else elsewhere.
_TCP_USER_TIMEOUT = 18


def listeners(
    host: str, port: int, tls: Path | None, *, http3: bool, unread_seconds: float
) -> list[dict[str, Any]]:
    """What is filled in for each listener. `tls` is the file that tells of the certificate."""
    found = [
        {
            "NAME": "front_door",
            "ADDRESS": _address(host, port, "TCP"),
            "QUIC": None,
            "CODEC": "AUTO",  # HTTP/1.1 or HTTP/2, told by ALPN or the first bytes
            "SOCKET_OPTIONS": _unread_timeout(unread_seconds),
            "TLS": transport_socket(tls) if tls else None,
        }
    ]
    if tls and http3:
        found.append(
            {
                "NAME": "front_door_http3",
                "ADDRESS": _address(host, port, "UDP"),
                "QUIC": {"quic_options": {}},
                "CODEC": "HTTP3",
                "SOCKET_OPTIONS": [],
                "TLS": quic_transport_socket(tls),
            }
        )
    return found


def headers(tls: Path | None, told_port: int | None) -> list[Any]:
    """What every reply says when there is TLS, and at which port there is HTTP/3."""
    said = [_ONLY_WITH_TLS] if tls else []
    if tls and told_port:
        said.append(("alt-svc", f'h3=":{told_port}"; ma={_HTTP3_SECONDS}'))
    return [{"header": {"key": name, "value": value}} for name, value in said]


def http3_port(host: str, port: int, report: Callable[[str], None]) -> int | None:
    """The port of HTTP/3, which is that of TCP; None, which is reported, if it cannot be had.

    It is no reason not to start: whoever finds no HTTP/3 comes by TCP.
    """
    if _udp_is_free(host, port):
        return port
    report(f"no HTTP/3: the UDP port {port} on {host} is taken or not to be had")
    return None


def _udp_is_free(host: str, port: int) -> bool:
    try:
        [(family, kind, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind) as probe:
            if family == socket.AF_INET6:
                # As Envoy does; else who listens on IPv4 would count too.
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _unread_timeout(seconds: float) -> list[dict[str, Any]]:
    """Return the socket options that end a connection on which nothing is taken for so long.

    The connections that are accepted inherit them.
    """
    if sys.platform != "linux":
        return []
    return [
        {
            "description": "TCP_USER_TIMEOUT",
            "level": int(socket.IPPROTO_TCP),
            "name": _TCP_USER_TIMEOUT,
            "int_value": round(seconds * 1_000),
            "state": "STATE_LISTENING",
        }
    ]


def _address(host: str, port: int, protocol: str) -> dict[str, Any]:
    return {"socket_address": {"protocol": protocol, "address": host, "port_value": port}}

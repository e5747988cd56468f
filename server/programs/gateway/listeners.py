"""The listeners of the front door: one over TCP and, with TLS, one over UDP for HTTP/3.

envoy.yaml defines their common behaviour once; this module supplies the values that differ.
"""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.programs.gateway.certificates import quic_transport_socket, transport_socket

# A browser that has connected over TLS uses nothing else for two years.
_STRICT_TRANSPORT_SECURITY = ("strict-transport-security", "max-age=63072000")
# A browser prefers HTTP/3 for a day, if it gets through.
_HTTP3_SECONDS = 86400

# From <netinet/tcp.h> on Linux; on other systems the number has another meaning.
_TCP_USER_TIMEOUT = 18


def listeners(
    host: str, port: int, tls: Path | None, *, http3: bool, unread_seconds: float
) -> list[dict[str, Any]]:
    """Return the template values of each listener. `tls` is the certificate's SDS file."""
    values = [
        {
            "NAME": "front_door",
            "ADDRESS": _address(host, port, "TCP"),
            "QUIC": None,
            "CODEC": "AUTO",  # HTTP/1.1 or HTTP/2, by ALPN or the first bytes
            "SOCKET_OPTIONS": _unread_timeout(unread_seconds),
            "TLS": transport_socket(tls) if tls else None,
        }
    ]
    if tls and http3:
        values.append(
            {
                "NAME": "front_door_http3",
                "ADDRESS": _address(host, port, "UDP"),
                "QUIC": {"quic_options": {}},
                "CODEC": "HTTP3",
                "SOCKET_OPTIONS": [],
                "TLS": quic_transport_socket(tls),
            }
        )
    return values


def headers(tls: Path | None, announced_port: int | None) -> list[Any]:
    """Return the headers that every response has with TLS; they announce the HTTP/3 port."""
    pairs = [_STRICT_TRANSPORT_SECURITY] if tls else []
    if tls and announced_port:
        pairs.append(("alt-svc", f'h3=":{announced_port}"; ma={_HTTP3_SECONDS}'))
    return [{"header": {"key": name, "value": value}} for name, value in pairs]


def http3_port(host: str, port: int, report: Callable[[str], None]) -> int | None:
    """Return the port for HTTP/3, the same as for TCP; None if it is taken, which is reported.

    A taken port does not prevent the start: clients that find no HTTP/3 use TCP.
    """
    if _udp_is_free(host, port):
        return port
    report(f"no HTTP/3: cannot listen on UDP port {port} of {host}")
    return None


def _udp_is_free(host: str, port: int) -> bool:
    try:
        [(family, kind, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind) as probe:
            if family == socket.AF_INET6:
                # As Envoy does; otherwise a listener on IPv4 would make the bind fail.
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(address)
    except OSError:
        return False
    return True


def _unread_timeout(seconds: float) -> list[dict[str, Any]]:
    """Return the socket options that end a connection whose client reads nothing for so long.

    Accepted connections inherit them.
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

"""Fills in the template `envoy.yaml`: what differs between a laptop and a cluster.

Values are filled in as JSON, which is YAML, so none of them can break out of its place.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from server.errors import StartError
from server.libraries.network.address import host_and_port, unix_path
from server.programs.gateway.certificates import upstream_transport_socket
from server.programs.gateway.core_errors import core_error_filters
from server.programs.gateway.forwarded_for import forwarded_for
from server.programs.gateway.listeners import headers, listeners
from server.programs.gateway.local_replies import mappers
from server.programs.gateway.memory_limit import MAX_HEAP_BYTES
from server.programs.gateway.paths import PAGES, methods_by_path

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"

# How Envoy is run. One thread: on two cores, two were slower. Its log is written out every second.
OPTIONS = (
    *("--concurrency", "1"),
    *("--log-level", "warning"),
    *("--file-flush-interval-msec", "1000"),
    "--disable-hot-restart",
)

# What the template says once for each listener of the front door.
_EACH_LISTENER = re.compile(r"^ *# begin: .*\n((?:.*\n)*?) *# end\n", re.MULTILINE)
# Where a listener is said to be that does not listen.
_NOWHERE = ("127.0.0.1", 0)
# What a unix socket address can hold (sockaddr_un), on Linux and on macOS.
MAX_SOCKET_PATH_LENGTH = 103


@dataclass(frozen=True)
class Gateway:
    """What one Envoy is told.

    `workers` are all `unix:/path` or all `host:port`; a host may stand for many replicas. `web` is
    the address of the web process, as one of these; None: there is none.
    `cors_origins` are the web origins that may call, comma-separated; `*` is any, nothing is none.
    `trusted_proxies` in front of it are believed when they say (X-Forwarded-For) who calls.
    Without `admin_socket` Envoy cannot be asked anything. With it, its metrics can be read at
    `metrics`, a host and a port.
    `tls` is the file that tells of a certificate (`certificate.told_of`); None: no TLS. With it,
    `http3_port` is the UDP port that clients are told of, where HTTP/3 reaches us; None: no HTTP/3.
    `identity` are the files of `certificate.told_of_identity`, for mutual TLS with the workers;
    None: they are spoken to in plain text.
    A reply of which nothing is read for `unread_seconds` is given up, and its connection over TCP.
    From nine tenths of `heap_bytes` on Envoy turns requests away.
    """

    host: str
    port: int
    workers: tuple[str, ...]
    descriptor_set: Path
    web: str | None = None
    cors_origins: str = "*"
    trusted_proxies: int = 0
    admin_socket: Path | None = None
    metrics: tuple[str, int] | None = None
    tls: Path | None = None
    http3_port: int | None = None
    identity: tuple[Path, Path] | None = None
    access_log: str = "/dev/stdout"
    unread_seconds: float = 25
    heap_bytes: int = MAX_HEAP_BYTES


def render(template: str, gateway: Gateway) -> str:
    """Fills `gateway` into `template`, the text of envoy.yaml; returns what Envoy reads.

    Raises StartError when something in `gateway` cannot work.
    """
    if not 0 < gateway.port < 65536:
        raise StartError(f"The port {gateway.port} is not between 1 and 65535; choose another.")
    if not gateway.descriptor_set.is_file():
        raise StartError(
            f"There is no descriptor set {gateway.descriptor_set}; "
            "run: uv run python scripts/generate.py"
        )
    found_by, endpoints = _workers(gateway.workers)
    if gateway.identity:
        _require_names(gateway.workers)
    admin = _pipe_to(gateway.admin_socket)
    metrics_host, metrics_port = gateway.metrics or _NOWHERE
    web_found_by, web = _endpoints("web process", (gateway.web,) if gateway.web else ())
    values: dict[str, Json] = {
        "WORKERS_FOUND_BY": found_by,
        "WORKERS": endpoints,
        "WORKERS_TLS": _workers_tls(gateway.identity),
        "WEB_CLUSTER": "web" if gateway.web else "nowhere",
        "WEB_FOUND_BY": web_found_by,
        "WEB": web,
        "DESCRIPTOR_SET": str(gateway.descriptor_set),
        "PATHS": {**methods_by_path(gateway.descriptor_set), **(PAGES if gateway.web else {})},
        "LOCAL_REPLIES": mappers(),
        **core_error_filters(),
        "CORS_ORIGINS": _origins(gateway.cors_origins),
        "TRUSTED_PROXIES": gateway.trusted_proxies,
        "FORWARDED_FOR": forwarded_for(gateway.trusted_proxies),
        "ADMIN": {"address": admin} if admin else None,
        "ADMIN_ENDPOINTS": [{"endpoint": {"address": admin}}] if admin else [],
        "HAS_METRICS": gateway.metrics is not None,
        "METRICS_HOST": metrics_host,
        "METRICS_PORT": metrics_port,
        # It does not begin anew when something is read: for a weak network, as long as it may be.
        "FLUSH_TIMEOUT": f"{gateway.unread_seconds * 1.3}s",
        "HEAP_BYTES": gateway.heap_bytes,
        "ACCESS_LOG": gateway.access_log,
        "ONLY_WITH_TLS": headers(gateway.tls, gateway.http3_port),
    }
    http3 = gateway.http3_port is not None
    front_door = listeners(
        gateway.host, gateway.port, gateway.tls, http3=http3, unread_seconds=gateway.unread_seconds
    )
    around = _EACH_LISTENER.split(template)
    # What stood between the marks is at the odd places.
    return "".join(
        _filled(part, values | one)
        for place, part in enumerate(around)
        for one in (front_door if place % 2 else [{}])
    )


def _filled(template: str, values: dict[str, Json]) -> str:
    return Template(template).substitute(
        {name: json.dumps(value) for name, value in values.items()}
    )


def _workers_tls(identity: tuple[Path, Path] | None) -> Any:
    return upstream_transport_socket(*identity) if identity else None


def _require_names(workers: tuple[str, ...]) -> None:
    """Envoy compares names alone with a certificate."""
    for address in workers:
        if re.match(r"\[|[0-9.]+:", address):
            raise StartError(
                f"The worker {address!r} needs a name, which its certificate is for: with TLS, no "
                "address will do."
            )


def _workers(addresses: tuple[str, ...]) -> tuple[str, list[Json]]:
    """Returns how Envoy finds the workers, and their endpoints."""
    if not addresses:
        raise StartError("The front door needs at least one worker; name the workers' addresses.")
    unix = [unix_path(address) is not None for address in addresses]
    if any(unix) and not all(unix):
        raise StartError("The workers must be all unix sockets or all host:port, not some of each.")
    return _endpoints("worker", addresses)


def _endpoints(what: str, addresses: tuple[str, ...]) -> tuple[str, list[Json]]:
    """Returns how Envoy finds `addresses`, which are all of one kind, and their endpoints."""
    endpoints: list[Json] = [
        {"endpoint": {"address": _address(what, address)}} for address in addresses
    ]
    unix = all(unix_path(address) is not None for address in addresses)
    return ("STATIC" if unix else "STRICT_DNS"), endpoints


def _address(what: str, address: str) -> Json:
    path = unix_path(address)
    if path is None:
        return _socket(what, address)
    if not path.startswith("/"):
        raise StartError(f"The {what} {address!r} needs an absolute path: unix:/folder/name.sock.")
    return {"pipe": {"path": _short_enough(path)}}


def _short_enough(path: str) -> str:
    if len(path.encode()) > MAX_SOCKET_PATH_LENGTH:
        raise StartError(
            f"The socket path {path} is longer than {MAX_SOCKET_PATH_LENGTH} bytes, the "
            "most that a unix socket can have; choose a shorter folder."
        )
    return path


def _socket(what: str, address: str) -> Json:
    found = host_and_port(address)
    if found is None or not found.port:
        raise StartError(f"The {what} {address!r} is neither unix:/path nor host:port.")
    return {"socket_address": {"address": found.host, "port_value": found.port}}


def _pipe_to(socket: Path | None) -> Json:
    return {"pipe": {"path": _short_enough(str(socket))}} if socket else None


def _origins(text: str) -> list[Json]:
    """Returns Envoy's matchers of the origins in `text`."""
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    if "*" in origins:
        return [{"safe_regex": {"regex": ".*"}}]
    return [{"exact": _origin(origin), "ignore_case": True} for origin in origins]


def _origin(origin: str) -> str:
    """Returns `origin` as browsers send it.

    A path or a slash at the end would never match what a browser sends, and nobody would see why.
    """
    try:
        parts = urlsplit(origin)
        sound = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and origin == f"{parts.scheme}://{parts.netloc}"
            and not re.search(r"[\s@*\\]", parts.netloc)
            and not parts.netloc.endswith(":")
        )
    except ValueError:
        sound = False
    if not sound:
        raise StartError(
            f"CORS_ORIGINS: {origin!r} is not an origin; write scheme://host[:port], "
            "as in https://app.example.com."
        )
    return origin

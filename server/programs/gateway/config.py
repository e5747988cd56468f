"""Rendering of the template `envoy.yaml`, whose values differ between a laptop and a cluster.

Values are inserted as JSON, which is valid YAML, so that none can escape its place.
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

# Envoy's command line. One thread: on two cores, two were slower. The log is flushed every second.
OPTIONS = (
    *("--concurrency", "1"),
    *("--log-level", "warning"),
    *("--file-flush-interval-msec", "1000"),
    "--disable-hot-restart",
)

# The part of the template that is repeated for each listener of the front door.
_EACH_LISTENER = re.compile(r"^ *# begin: .*\n((?:.*\n)*?) *# end\n", re.MULTILINE)
# The address of a listener that is not bound.
_UNBOUND = ("127.0.0.1", 0)
# The limit of a unix socket address (sockaddr_un) on Linux and macOS.
MAX_SOCKET_PATH_LENGTH = 103


@dataclass(frozen=True)
class Gateway:
    """The configuration of one Envoy.

    `workers` are all `unix:/path` or all `host:port`; a host may stand for many replicas. `web` is
    the address of the web process in one of these forms, or None without one.
    `cors_origins` are the allowed web origins, comma-separated; `*` allows any, an empty text none.
    `trusted_proxies` is the number of proxies in front whose X-Forwarded-For is trusted.
    `admin_socket` is the path of the admin interface; None disables it. `metrics`, a host and a
    port, requires it.
    `tls` is the SDS file of a certificate (`write_sds_secret`); None disables TLS. With TLS,
    `http3_port` is the UDP port announced for HTTP/3; None disables HTTP/3.
    `identity` are the SDS files of `write_sds_identity` for mutual TLS with the workers; None means
    plain text.
    A response of which nothing is read for `unread_seconds` is dropped; over TCP, so is its
    connection.
    At nine tenths of `heap_bytes`, Envoy starts to reject requests.
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
    """Render `template`, the text of envoy.yaml, with the values of `gateway`.

    Raises StartError if a value cannot work.
    """
    if not 0 < gateway.port < 65536:
        raise StartError(f"The port must be between 1 and 65535, not {gateway.port}.")
    if not gateway.descriptor_set.is_file():
        raise StartError(
            f"There is no descriptor set {gateway.descriptor_set}; "
            "run: uv run python scripts/generate.py"
        )
    discovery, endpoints = _workers(gateway.workers)
    if gateway.identity:
        _require_names(gateway.workers)
    admin = _pipe_to(gateway.admin_socket)
    metrics_host, metrics_port = gateway.metrics or _UNBOUND
    web_discovery, web = _endpoints("web process", (gateway.web,) if gateway.web else ())
    values: dict[str, Json] = {
        "WORKERS_DISCOVERY": discovery,
        "WORKERS": endpoints,
        "WORKERS_TLS": _workers_tls(gateway.identity),
        "WEB_CLUSTER": "web" if gateway.web else "nowhere",
        "WEB_DISCOVERY": web_discovery,
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
        # Reading does not restart this timeout, so it is longer, for slow networks.
        "FLUSH_TIMEOUT": f"{gateway.unread_seconds * 1.3}s",
        "HEAP_BYTES": gateway.heap_bytes,
        "ACCESS_LOG": gateway.access_log,
        "ONLY_WITH_TLS": headers(gateway.tls, gateway.http3_port),
    }
    http3 = gateway.http3_port is not None
    front_door = listeners(
        gateway.host, gateway.port, gateway.tls, http3=http3, unread_seconds=gateway.unread_seconds
    )
    # The parts between the marks are at the odd indexes.
    parts = _EACH_LISTENER.split(template)
    return "".join(
        _substitute(part, values | listener)
        for index, part in enumerate(parts)
        for listener in (front_door if index % 2 else [{}])
    )


def _substitute(template: str, values: dict[str, Json]) -> str:
    return Template(template).substitute(
        {name: json.dumps(value) for name, value in values.items()}
    )


def _workers_tls(identity: tuple[Path, Path] | None) -> Any:
    return upstream_transport_socket(*identity) if identity else None


def _require_names(workers: tuple[str, ...]) -> None:
    """Raise StartError for an IP address: Envoy compares only names with a certificate."""
    for address in workers:
        if re.match(r"\[|[0-9.]+:", address):
            raise StartError(
                f"The worker {address!r} needs a name instead of an IP address: with TLS, its "
                "certificate must match that name."
            )


def _workers(addresses: tuple[str, ...]) -> tuple[str, list[Json]]:
    """Return Envoy's discovery type for the workers, and their endpoints."""
    if not addresses:
        raise StartError("The front door needs at least one worker; name the workers' addresses.")
    unix = [unix_path(address) is not None for address in addresses]
    if any(unix) and not all(unix):
        raise StartError("The workers must be all unix sockets or all host:port, not a mix.")
    return _endpoints("worker", addresses)


def _endpoints(target: str, addresses: tuple[str, ...]) -> tuple[str, list[Json]]:
    """Return Envoy's discovery type for `addresses`, all of one kind, and their endpoints."""
    endpoints: list[Json] = [
        {"endpoint": {"address": _address(target, address)}} for address in addresses
    ]
    unix = all(unix_path(address) is not None for address in addresses)
    return ("STATIC" if unix else "STRICT_DNS"), endpoints


def _address(target: str, address: str) -> Json:
    path = unix_path(address)
    if path is None:
        return _socket(target, address)
    if not path.startswith("/"):
        raise StartError(
            f"The {target} {address!r} needs an absolute path: unix:/folder/name.sock."
        )
    return {"pipe": {"path": _checked_length(path)}}


def _checked_length(path: str) -> str:
    if len(path.encode()) > MAX_SOCKET_PATH_LENGTH:
        raise StartError(
            f"The socket path {path} is longer than {MAX_SOCKET_PATH_LENGTH} bytes, the limit of a "
            "unix socket; choose a folder with a shorter path."
        )
    return path


def _socket(target: str, address: str) -> Json:
    parsed = host_and_port(address)
    if parsed is None or not parsed.port:
        raise StartError(f"The {target} {address!r} is neither unix:/path nor host:port.")
    return {"socket_address": {"address": parsed.host, "port_value": parsed.port}}


def _pipe_to(socket: Path | None) -> Json:
    return {"pipe": {"path": _checked_length(str(socket))}} if socket else None


def _origins(text: str) -> list[Json]:
    """Return Envoy's matchers for the origins in `text`."""
    origins = [origin.strip() for origin in text.split(",") if origin.strip()]
    if "*" in origins:
        return [{"safe_regex": {"regex": ".*"}}]
    return [{"exact": _origin(origin), "ignore_case": True} for origin in origins]


def _origin(origin: str) -> str:
    """Return `origin` if it has the form that browsers send. Raises StartError otherwise.

    A path or a trailing slash would never match, and the reason would be hard to find.
    """
    try:
        parts = urlsplit(origin)
        valid = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and origin == f"{parts.scheme}://{parts.netloc}"
            and not re.search(r"[\s@*\\]", parts.netloc)
            and not parts.netloc.endswith(":")
        )
    except ValueError:
        valid = False
    if not valid:
        raise StartError(
            f"CORS_ORIGINS: {origin!r} is not an origin; write scheme://host[:port], "
            "as in https://app.example.com."
        )
    return origin

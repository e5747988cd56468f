"""The URL of a PostgreSQL database: its hosts, and its validation.

asyncpg reads the rest of it. Several hosts may be given in place of one, as in
`postgresql://user@h1:5432,h2:5433/name`, or in the query, as in `?host=h1,h2&port=5432,5433`.

No error quotes the URL, for the text of the host may be a part of the password.
"""

import os
import re
from urllib.parse import parse_qs, unquote, urlsplit

TARGETS = ("any", "primary", "standby", "prefer-standby", "read-write", "read-only")
DEFAULT_PORT = 5432
MAX_PORT = 65535

_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]+)(?::([0-9]+))?")
_UNREADABLE = "is not a URL; in the password, percent-encode characters such as / # ? @ [ ]"


def hosts_of(url: str) -> list[tuple[str, int]]:
    """Return the hosts of `url` with their ports; a host may be the folder of a socket.

    Empty if the URL names none. Raises ValueError.
    """
    authority, query = _parts(url)
    if named := authority.rpartition("@")[2]:
        return [_host(text) for text in named.split(",")]
    hosts = query["host"].split(",") if query.get("host") else []
    ports = [_port(port) for port in query["port"].split(",")] if query.get("port") else []
    if len(ports) not in (0, 1, len(hosts)):
        raise ValueError("must have one port, or one for each host")
    if len(ports) < len(hosts):
        ports = [*ports, _default_port()][:1] * len(hosts)
    return list(zip(hosts, ports, strict=False))


def target_of(url: str) -> str | None:
    """Return the URL's `target_session_attrs`, None without one. Raises ValueError."""
    return _parts(url)[1].get("target_session_attrs") or None


def require_usable(url: str) -> None:
    """Raise ValueError with the reason if `url` cannot be connected to."""
    if _parts(url)[0].count("@") > 1:
        raise ValueError(_UNREADABLE)
    hosts_of(url)
    if target_of(url) not in (None, *TARGETS):
        raise ValueError(f"must have one of {', '.join(TARGETS)} as target_session_attrs")


def _parts(url: str) -> tuple[str, dict[str, str]]:
    """Return the authority and the parameters of the query."""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        # Without the parser's message, which quotes the URL.
        raise ValueError(_UNREADABLE) from None
    return parts.netloc, {name: values[-1] for name, values in query.items()}


def _host(text: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None:
        raise ValueError(_UNREADABLE)
    return unquote(match[1].strip("[]")), _port(match[2]) if match[2] else _default_port()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_PORT):
        raise ValueError(_UNREADABLE)
    return int(text)


def _default_port() -> int:
    given = os.environ.get("PGPORT", "")
    return int(given) if given.isdigit() else DEFAULT_PORT

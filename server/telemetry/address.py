"""Where metrics are to be had, as the option `--metrics` says it."""

import re

from server.errors import StartError

_ADDRESS = re.compile(
    r"((?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})", re.ASCII
)
_HERE = "127.0.0.1"
_MOST_PORT = 65535


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of host:port, or of a port of this machine alone. Raises StartError."""
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > _MOST_PORT:
        raise StartError(f"--metrics {address} is not host:port; for example: 127.0.0.1:9464")
    return (match["host"] or _HERE).strip("[]"), int(match["port"])

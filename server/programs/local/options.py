"""The options of `gymlocker up`, and the addresses that they name."""

import errno
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import StartError
from server.libraries.network.address import MAX_PORT, Address, probe_bind
from server.libraries.network.tls import Certificate

MAX_WORKERS_BY_DEFAULT = 4
# An Envoy that was just killed may hold its port for a moment.
TIMEOUT = 1.0
LOOPBACK = "127.0.0.1"


def default_workers() -> int:
    """Return one worker for each core that this process may use, up to a maximum for laptops."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, MAX_WORKERS_BY_DEFAULT))


@dataclass(frozen=True)
class UpOptions:
    """The options of `gymlocker up`. Port 0 is any free port.

    `metrics_port` is for Envoy's metrics, the ports above it for the web process and the workers.
    """

    host: str = LOOPBACK
    port: int = 8080
    workers: int = field(default_factory=default_workers)
    data_dir: Path = Path(".gymlocker")
    metrics_port: int | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class MetricsAddresses:
    """The addresses of the processes' metrics, as host:port."""

    envoy: str
    web: str
    workers: tuple[str, ...]


def free_address(host: str, port: int, option: str = "--port") -> Address:
    """Return the numeric address after binding it to check that it is free.

    Retries until the timeout. Raises StartError, which names the `option` to change.
    """
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return _tried(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise StartError(_error_text(host, port, option, error)) from error
        time.sleep(0.05)


def metrics_addresses(options: UpOptions) -> MetricsAddresses | None:
    """Return free addresses for metrics; None if no metrics port is set.

    Raises StartError as `free_address` does.
    """
    first = options.metrics_port
    if first is None:
        return None
    ports = [first + number if first else 0 for number in range(2 + options.workers)]
    if ports[-1] > MAX_PORT:
        raise StartError("There are not enough ports above --metrics-port: choose a lower one.")
    envoy, web, *workers = (free_address(LOOPBACK, port, "--metrics-port").name for port in ports)
    return MetricsAddresses(envoy, web, tuple(workers))


def _tried(host: str, port: int) -> Address:
    family, _, _, _, place = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return probe_bind(family, place)


def _error_text(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is taken by another program: "
            f"stop that program, or choose another port with {option}."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for root: choose one above 1023 with {option}."
    return f"{host} is not an address of this machine ({error.strerror}): choose another --host."

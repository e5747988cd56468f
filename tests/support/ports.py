"""Free ports for servers that tests start."""

import itertools
import os
import random
import socket
from contextlib import ExitStack

# Below the ephemeral ports, which the system also assigns to outgoing connections: one of those
# could be taken before the process that was given it listens.
_FIRST, _LAST = 10_000, 32_000
# Ports for each process of a test run, for processes do not coordinate.
_SHARE = 1_000


def _share() -> range:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + number * _SHARE % (_LAST - _FIRST)
    return range(first, first + _SHARE)


# In random order, for another test run may be in progress.
_numbers = itertools.cycle(random.sample(_share(), _SHARE))


def free_port() -> int:
    """Return a free port of 127.0.0.1 that was not returned recently."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of `count` adjacent ports, all free as that of `free_port` is."""
    while True:
        first = next(_numbers)
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first

"""Ports for what the tests start."""

import itertools
import os
import random
import socket
from contextlib import ExitStack

# Below those that the system gives out by itself, also to whoever merely connects: one of these
# could be gone again before the process that was told of it listens.
_FIRST, _LAST = 10_000, 32_000
# For each process of a test run; they do not see what the others have just been given.
_SHARE = 1_000


def _share() -> range:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + number * _SHARE % (_LAST - _FIRST)
    return range(first, first + _SHARE)


# From anywhere in it: another test run may be under way.
_numbers = itertools.cycle(random.sample(_share(), _SHARE))


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody listens on, and that it has not returned of late."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Returns the first of so many neighbours, free as that of `free_port` is."""
    while True:
        first = next(_numbers)
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first

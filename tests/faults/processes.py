"""The processes of a running stack."""

from collections.abc import Callable

import psutil

from tests.support.stack import Stack


def worker(stack: Stack, number: int) -> psutil.Process:
    """Return a worker."""
    return _child(stack, lambda words: words[-2].endswith(f"worker-{number}.sock"))


def envoy(stack: Stack) -> psutil.Process:
    """Return Envoy."""
    return _child(stack, lambda words: "--config-path" in words)


def postgres(stack: Stack) -> psutil.Process:
    """Return the main process of the embedded PostgreSQL."""
    return _child(stack, lambda words: words[0].endswith("bin/postgres"))


def _child(stack: Stack, matches: Callable[[list[str]], bool]) -> psutil.Process:
    for process in psutil.Process(stack.process.pid).children():
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if len(words) > 1 and matches(words):
            return process
    raise LookupError("the process is not running")

"""Prompts for answers, usernames and passwords."""

import getpass
import os
import select
import signal
import socket
import sys

from server.errors import StartError
from server.programs.client.text import printable

STDIN = 0


def ask(question: str) -> bool:
    """Ask a person at the terminal; without an answer, the answer is no."""
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return _read_line().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def read_username(given: str | None) -> str:
    """Return the username; prompt if it was not given."""
    if given is not None:
        return given
    if not os.isatty(STDIN):
        raise StartError("Username required: not running in a terminal. Pass it as an argument.")
    print("Username: ", end="", file=sys.stderr, flush=True)
    return _read_line()


def _read_line() -> str:
    """Read a line from the terminal. Raises EOFError, and KeyboardInterrupt after Ctrl-C.

    `input` alone would wait for a line if Ctrl-C came just before it starts to read.
    """
    interrupted, at_signal = socket.socketpair()
    with interrupted, at_signal:
        at_signal.setblocking(False)
        previous = signal.set_wakeup_fd(at_signal.fileno())
        try:
            select.select([STDIN, interrupted.fileno()], [], [])
        finally:
            signal.set_wakeup_fd(previous)
    return input()


def read_password(*, twice: bool) -> str:
    """Read the password: from a terminal without echo, otherwise the first line of input."""
    if not os.isatty(STDIN):
        return _password_line()
    password = getpass.getpass()
    if twice and getpass.getpass("Password again: ") != password:
        raise StartError("The passwords do not match: try again.")
    return password


def _password_line() -> str:
    try:
        with open(STDIN, encoding="utf-8", newline="\n", closefd=False) as file:
            line = file.readline()
    except (OSError, UnicodeDecodeError):
        line = ""
    password = line.removesuffix("\n").removesuffix("\r")
    if not password:
        raise StartError(
            "Password required: pass it as the first line of the standard input, in UTF-8."
        )
    return password

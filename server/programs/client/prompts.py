"""Prompts for usernames and passwords."""

import getpass
import os
import sys

from server.errors import StartError

STDIN = 0


def read_username(given: str | None) -> str:
    """Return the username; prompt if it was not given."""
    if given is not None:
        return given
    if not os.isatty(STDIN):
        raise StartError("Username required: not running in a terminal. Pass it as an argument.")
    print("Username: ", end="", file=sys.stderr, flush=True)
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

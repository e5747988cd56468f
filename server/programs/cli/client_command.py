"""Helpers shared by the commands that are clients of a server."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from server.errors import StartError

if TYPE_CHECKING:
    from server.programs.client.screen.console import Screen
    from server.programs.client.session import SessionFile

Result = TypeVar("Result")


def silence_grpc() -> None:
    """Keep gRPC from logging between the lines of a command. Call before importing grpc."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def session_file() -> "SessionFile":
    """Return the session file that the environment names, or the default one."""
    from server.programs.client.session import session_file as file_in

    return file_in(os.environ)


def screen(stream: TextIO | None = None) -> "Screen":
    """Return a screen on a stream, by default the standard output."""
    from server.programs.client.screen.console import Screen, console_on

    return Screen(console_on(stream or sys.stdout))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command. Raises StartError if an argument is not text or the output not writable."""
    try:
        return asyncio.run(work)
    except UnicodeEncodeError:
        # Python smuggles such bytes through arguments, but a protobuf string must be valid text.
        raise StartError("An argument is not valid text: use UTF-8.") from None
    except BrokenPipeError:
        # The reader of the output has enough, as with `head`.
        raise
    except OSError as error:
        raise StartError(f"The output cannot be written ({error.strerror}).") from error

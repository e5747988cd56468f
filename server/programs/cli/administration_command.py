"""Helpers and options shared by the commands that work on the database itself."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import typer

from server.errors import GymlockerError, StartError

if TYPE_CHECKING:
    from server.libraries.database.pool import Database

Result = TypeVar("Result")

DataDir: TypeAlias = Annotated[
    Path,
    typer.Option(
        help="Folder of `gymlocker up` with its database. Ignored if DATABASE_URL is set."
    ),
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
User: TypeAlias = Annotated[str, typer.Argument(help="Username, or a user's lookup or id.")]
DATA_DIR = Path(".gymlocker")


def on_database(
    data_dir: Path, command: str, action: "Callable[[Database], Awaitable[Result]]"
) -> Result:
    """Run an action on the database in use, with its schema checked. Raises StartError."""
    from server.programs.administration.database_in_use import open_database

    async def work() -> Result:
        async with open_database(data_dir, f"gymlocker {command}") as database:
            return await action(database)

    return administer(work())


def administer(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command so that Ctrl-C and SIGTERM leave nothing behind. Raises StartError."""
    import asyncpg
    import structlog

    # Errors are printed as sentences, and events would mix with the output.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return asyncio.run(_stoppable(work))
    except GymlockerError as error:
        raise StartError(error.message) from error
    except asyncpg.PostgresError as error:
        raise StartError(f"The database refused ({error}): nothing was changed.") from error
    except UnicodeEncodeError:
        raise StartError("An argument is not valid text: use UTF-8.") from None


def print_json(document: Any) -> None:
    """Print one JSON document."""
    from server.programs.administration.screen import json_text

    print(json_text(document))


def require_answer(*, yes: bool) -> None:
    """Raise StartError if nobody can be asked and `yes` is not given."""
    from server.programs.client.text import is_interactive

    if not (yes or is_interactive()):
        raise StartError("Not running in a terminal: pass --yes to continue without being asked.")


async def _stoppable(work: Coroutine[Any, Any, Result]) -> Result:
    """Cancel the work at SIGTERM and SIGHUP, as asyncio does at SIGINT."""
    stopped: list[signal.Signals] = []
    task = asyncio.ensure_future(work)

    def stop(number: signal.Signals) -> None:
        stopped.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP on purpose.
        if signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            sys.exit(128 + stopped[0])
        raise

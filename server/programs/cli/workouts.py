"""Commands for accounts and workouts. As in app.py, imports happen when a command runs."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from server.errors import StartError

if TYPE_CHECKING:
    from server.programs.client.screen import Screen
    from server.programs.client.session import SessionFile

Result = TypeVar("Result")

accounts = typer.Typer()
workouts = typer.Typer(
    name="workouts",
    help="Your training diary. Log in first: `gymlocker login`.",
    no_args_is_help=True,
)


class ExportFormat(Enum):
    """The forms that a file can be exported in."""

    CSV = "csv"
    JSON = "json"


class ImportFormat(Enum):
    """Whose files can be imported."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"


# That of server/programs/client/channel.py, which is not there yet when help is asked for.
Url = Annotated[str, typer.Option(help="The server to talk to.")]
Username = Annotated[str | None, typer.Argument(show_default="asked for")]
From = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="That day and later: 2026-02-07.")
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="That day and earlier: also `today`, `yesterday`."),
]
Type = Annotated[str | None, typer.Option("--type", help="Of that type alone.")]


@accounts.command()
def register(username: Username = None, url: Url = "http://127.0.0.1:8080") -> None:
    """Make an account, and log in.

    The password is asked for twice and not shown; from a pipe, it is the first line of the input.
    """
    _start_session(url, username, new=True)


@accounts.command()
def login(
    username: Annotated[
        str | None,
        typer.Argument(help="Or the lookup or id of a user.", show_default="asked for"),
    ] = None,
    url: Url = "http://127.0.0.1:8080",
) -> None:
    """Log in, and stay logged in on this machine until `gymlocker logout`.

    The password is asked for and not shown; from a pipe, it is the first line of the input.
    """
    _start_session(url, username, new=False)


@accounts.command()
def logout() -> None:
    """End the session, on the server and here."""
    _keep_grpc_quiet()
    from server.programs.client.account import logout as run_logout

    session = _run(run_logout(_session_file()))
    name = f"{session.username} is logged out." if session else "Nobody was logged in."
    _screen().say(name)


@workouts.command("list")
def list_(
    first: From = None,
    last: To = None,
    type_: Type = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at the most.")] = 20,
) -> None:
    """Show workouts, the newest first."""
    _keep_grpc_quiet()
    from server.programs.client.connection import connected
    from server.programs.client.diary import newest, wanted

    which = wanted(first, last, type_)

    async def work() -> None:
        async with connected(_session_file()) as connection:
            found, more = await newest(connection, which, limit)
        _screen().workouts(found, more=more)

    _run(work())


@workouts.command()
def stats(first: From = None, last: To = None, type_: Type = None) -> None:
    """Show totals, streaks, and sums per type, month and week."""
    _keep_grpc_quiet()
    from server.programs.client.connection import connected
    from server.programs.client.diary import figures, wanted

    which = wanted(first, last, type_)

    async def work() -> None:
        async with connected(_session_file()) as connection:
            found = await figures(connection, which)
        _screen().figures(found)

    _run(work())


@workouts.command()
def add(
    date: Annotated[str, typer.Argument(help="2026-02-07, `today` or `yesterday`.")],
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="What it was: Running.")],
    minutes: Annotated[int, typer.Argument(min=1, max=10_080, help="How long it took.")],
    notes: Annotated[str, typer.Option(help="What else there is to say.")] = "",
) -> None:
    """Add a workout."""
    _keep_grpc_quiet()
    from server.programs.client.connection import connected
    from server.programs.client.diary import add as run_add

    async def work() -> None:
        async with connected(_session_file()) as connection:
            added = await run_add(connection, date, type_, minutes, notes)
        _screen().say(f"Added: {added.date}, {added.type}, {added.duration} minutes.")

    _run(work())


@workouts.command("export")
def export_(
    file: Annotated[str | None, typer.Argument(show_default="standard output")] = None,
    format_: Annotated[
        ExportFormat | None, typer.Option("--format", show_default="by the file's name, else csv")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write all workouts to a file.

    A transfer that breaks off leaves no file. Nobody else can read it.
    """
    _keep_grpc_quiet()
    from server.programs.client.connection import connected
    from server.programs.client.exporting import export, format_of

    form = format_of(file, format_.value if format_ else None)

    async def work() -> None:
        async with connected(_session_file()) as connection:
            size = await export(connection, form, file, force=force)
        if file not in (None, "-"):
            _screen().say(f"{file} is written: {size:,} bytes.")

    _run(work())


@workouts.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="A CSV file; - is the standard input.")],
    format_: Annotated[
        ImportFormat | None,
        typer.Option("--format", help="Whose file it is.", show_default="told by its columns"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Add nothing unless every line is good.")
    ] = False,
    default_duration: Annotated[
        int,
        typer.Option(
            min=1, max=10_080, metavar="MINUTES", help="Where the file does not say how long."
        ),
    ] = 60,
) -> None:
    """Add the workouts of a file that Gymlocker, Strong, Hevy or FitNotes exported.

    Importing it again adds nothing twice. Ends with code 1 if something was left out.
    """
    _keep_grpc_quiet()
    from gymlocker.v2 import workout_pb2

    from server.programs.client.connection import connected
    from server.programs.client.importing import opened, send
    from server.programs.client.screen import upload_bar

    options = workout_pb2.ImportWorkoutsRequest(
        format=format_.value if format_ else "",
        dry_run=dry_run,
        all_or_nothing=all_or_nothing,
        default_duration=default_duration,
    )

    async def work() -> int:
        with opened(file) as source:
            async with connected(_session_file()) as connection:
                with upload_bar(source) as bar:
                    reply = await send(connection, source, options, bar.sent)
            _screen().imported(source, options, reply)
        return reply.problem_count

    if _run(work()):
        sys.exit(1)


def _start_session(url: str, username: str | None, *, new: bool) -> None:
    _keep_grpc_quiet()
    from server.programs.client.account import asked_name, asked_password
    from server.programs.client.account import login as run_login
    from server.programs.client.account import register as run_register
    from server.programs.client.channel import checked_url, warn_of_eavesdroppers

    address = checked_url(url)
    name = asked_name(username)
    warn_of_eavesdroppers(address)
    password = asked_password(twice=new)
    run = run_register if new else run_login
    _run(run(_session_file(), address, name, password))
    done = "registered and logged in" if new else "logged in"
    _screen().say(f"{name} is {done} at {address}.")


def _keep_grpc_quiet() -> None:
    """Keeps gRPC from writing lines of its own between ours; it looks when it is imported."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def _session_file() -> "SessionFile":
    from server.programs.client.session import session_file

    return session_file(os.environ)


def _screen() -> "Screen":
    from server.programs.client.screen import Screen, console_on

    return Screen(console_on(sys.stdout))


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except UnicodeEncodeError:
        # Python hides such bytes in arguments, and a message holds nothing but text.
        raise StartError("What you typed holds bytes that are no text.") from None
    except BrokenPipeError:
        # Whoever read the output has enough, as `head` does.
        raise
    except OSError as error:
        raise StartError(f"The output cannot be written ({error.strerror}).") from error

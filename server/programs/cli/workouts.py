"""Commands for the training diary: `gymlocker workouts …`."""

import sys
from enum import Enum
from typing import Annotated, TypeAlias

import typer

from server.programs.cli.client_command import run, screen, session_file, silence_grpc

workouts = typer.Typer(
    name="workouts",
    help="Your training diary. Log in first: `gymlocker login`.",
    no_args_is_help=True,
)


class ExportFormat(Enum):
    """Formats of an export."""

    CSV = "csv"
    JSON = "json"


class ImportFormat(Enum):
    """Formats of an import: our own, and those of other apps."""

    GYMLOCKER = "gymlocker"
    STRONG = "strong"
    HEVY = "hevy"
    FITNOTES = "fitnotes"


From: TypeAlias = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="First day: 2026-02-07, `today` or `yesterday`."),
]
To: TypeAlias = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="Last day: 2026-02-07, `today` or `yesterday`."),
]
Type: TypeAlias = Annotated[
    str | None, typer.Option("--type", help="Only workouts of this type, in any case.")
]


@workouts.command("list")
def list_(
    first: From = None,
    last: To = None,
    type_: Type = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Maximum number of workouts.")
    ] = 20,
) -> None:
    """List workouts, newest first."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import list_newest, select

    selection = select(first, last, type_)

    async def work() -> None:
        async with connected(session_file()) as connection:
            found, more = await list_newest(connection, selection, limit)
        screen().workouts(found, more=more)

    run(work())


@workouts.command()
def stats(first: From = None, last: To = None, type_: Type = None) -> None:
    """Show totals, streaks, and sums per type, month and week."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import get_stats, select

    selection = select(first, last, type_)

    async def work() -> None:
        async with connected(session_file()) as connection:
            found = await get_stats(connection, selection)
        screen().stats(found)

    run(work())


@workouts.command()
def add(
    date: Annotated[
        str, typer.Argument(help="Day of the workout: 2026-02-07, `today` or `yesterday`.")
    ],
    type_: Annotated[
        str, typer.Argument(metavar="TYPE", help="Type of the workout, such as Running.")
    ],
    minutes: Annotated[int, typer.Argument(min=1, max=10_080, help="Duration in minutes.")],
    notes: Annotated[str, typer.Option(help="Notes on the workout.")] = "",
) -> None:
    """Add a workout."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import add as run_add

    async def work() -> None:
        async with connected(session_file()) as connection:
            added = await run_add(connection, date, type_, minutes, notes)
        screen().write(f"Added: {added.date}, {added.type}, {added.duration} minutes.")

    run(work())


@workouts.command("export")
def export_(
    file: Annotated[
        str | None,
        typer.Argument(
            help="File to write; - for standard output.", show_default="standard output"
        ),
    ] = None,
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", show_default="by the file extension, else csv"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Export all workouts to a file.

    The file is readable by you only. An interrupted export leaves no file behind.
    """
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.exporting import export, format_of

    chosen = format_of(file, format_.value if format_ else None)

    async def work() -> None:
        async with connected(session_file()) as connection:
            size = await export(connection, chosen, file, force=force)
        if file not in (None, "-"):
            screen().write(f"Wrote {size:,} bytes to {file}.")

    run(work())


@workouts.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="CSV file to import; - for standard input.")],
    format_: Annotated[
        ImportFormat | None,
        typer.Option("--format", help="Format of the file.", show_default="by its columns"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be added, but add nothing.")
    ] = False,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Add nothing unless every line is valid.")
    ] = False,
    default_duration: Annotated[
        int,
        typer.Option(
            min=1, max=10_080, metavar="MINUTES", help="Duration of workouts without one."
        ),
    ] = 60,
) -> None:
    """Import the workouts of a file exported by Gymlocker, Strong, Hevy or FitNotes.

    Importing a file again adds no workout twice. Exits with code 1 if a line was skipped.
    """
    silence_grpc()
    from gymlocker.v2 import workout_pb2

    from server.programs.client.connection import connected
    from server.programs.client.importing import open_source, send
    from server.programs.client.screen import upload_bar

    options = workout_pb2.ImportWorkoutsRequest(
        format=format_.value if format_ else "",
        dry_run=dry_run,
        all_or_nothing=all_or_nothing,
        default_duration=default_duration,
    )

    async def work() -> int:
        with open_source(file) as source:
            async with connected(session_file()) as connection:
                with upload_bar(source) as bar:
                    response = await send(connection, source, options, bar.sent)
            screen().imported(source, options, response)
        return response.problem_count

    if run(work()):
        sys.exit(1)

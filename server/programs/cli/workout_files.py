"""Commands for files of workouts: `gymlocker workouts import` and `export`."""

import sys
from typing import Annotated

import typer

from server.programs.cli.client_command import run, screen, session_file, silence_grpc
from server.programs.cli.training_options import ExportFormat, ImportFormat, ImportUnit, OnChange

workout_files = typer.Typer()


@workout_files.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="File to import; - for standard input.")],
    format_: Annotated[
        ImportFormat | None,
        typer.Option("--format", help="Format of the file.", show_default="by its contents"),
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
    unit: Annotated[
        ImportUnit | None,
        typer.Option(
            help="Unit of a file that names none: of weights, or of the durations of workouts.",
            show_default="kg and minutes, with a warning",
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Time zone you trained in, such as Europe/Berlin, for times without one.",
            show_default="UTC, with a warning",
        ),
    ] = None,
    on_change: Annotated[
        OnChange,
        typer.Option(
            "--on-change",
            help="What happens to a workout that was imported before and differs in this file.",
        ),
    ] = OnChange.UPDATE,
) -> None:
    """Import the workouts of a file exported by Gymlocker or another app.

    Other apps are Strong, Hevy, FitNotes, StrongLifts and LiftLog (its CSV, and its backups).
    Importing a file again adds no workout twice, and never changes one that you have edited here.
    Exits with code 1 if a line was skipped.
    """
    silence_grpc()
    from gymlocker.v2 import workout_pb2

    from server.programs.client.connection import connected
    from server.programs.client.importing import machine_zone, open_source, send
    from server.programs.client.screen.imported import show_import
    from server.programs.client.screen.progress import upload_bar

    async def work() -> int:
        options = workout_pb2.ImportWorkoutsRequest(
            format=format_.value if format_ else "",
            dry_run=dry_run,
            all_or_nothing=all_or_nothing,
            default_duration=default_duration,
            unit=unit.value if unit else "",
            time_zone=time_zone or "",
            on_change=on_change.value,
        )
        with open_source(file) as source:
            async with connected(session_file()) as connection:
                with upload_bar(source.size) as bar:
                    response = await send(connection, source, options, bar)
            show_import(screen(), source, options, response, machine_zone())
        return response.problem_count

    if run(work()):
        sys.exit(1)


@workout_files.command("export")
def export_(
    file: Annotated[
        str | None,
        typer.Argument(
            help="File to write; - for standard output.", show_default="standard output"
        ),
    ] = None,
    format_: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            help="csv and json are complete; fitnotes and strong are for other apps.",
            show_default="by the file extension, else csv",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Export all workouts to a file.

    The file is readable by you only. An interrupted export leaves no file behind.
    """
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.exporting import STDOUT, describe, export, format_of
    from server.programs.client.screen.progress import download_bar

    chosen = format_of(file, format_.value if format_ else None)
    is_file = file not in (None, STDOUT)

    async def work() -> None:
        async with connected(session_file()) as connection:
            with download_bar(active=is_file) as bar:
                if bar.is_shown:
                    bar.describe(await describe(connection))
                size = await export(connection, chosen, file, force=force, received=bar.received)
        if is_file:
            screen().write(f"Wrote {size:,} bytes to {file}.")

    run(work())

"""Commands for figures of exercises: `gymlocker exercises`, `records` and `progress`."""

from enum import Enum
from typing import Annotated

import typer

from server.programs.cli.client_command import run, screen, session_file, silence_grpc
from server.programs.cli.training_options import From, ShownUnit, To, Unit

exercises = typer.Typer()


class MetricName(Enum):
    """Figures that can be plotted."""

    WEIGHT = "weight"
    ONE_REP_MAX = "1rm"
    VOLUME = "volume"
    REPS = "reps"
    DISTANCE = "distance"
    DURATION = "duration"


@exercises.command("exercises")
def list_(
    query: Annotated[
        str, typer.Argument(help="Part of a name, in any case.", show_default="all exercises")
    ] = "",
    unit: ShownUnit = Unit.KG,
) -> None:
    """List your exercises, each with its best set and estimated one-repetition maximum."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.figures import list_exercises
    from server.programs.client.screen.exercises import show_exercises

    async def work() -> None:
        async with connected(session_file()) as connection:
            found = await list_exercises(connection, query, unit.value)
        if found:
            show_exercises(screen(), found, unit.value)
        else:
            screen().write("No exercises found.")

    run(work())


@exercises.command()
def records(
    exercise: Annotated[
        str, typer.Argument(help="Name of an exercise.", show_default="all exercises")
    ] = "",
    unit: ShownUnit = Unit.KG,
) -> None:
    """Show your personal records."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.figures import list_records
    from server.programs.client.screen.exercises import show_records

    async def work() -> None:
        async with connected(session_file()) as connection:
            found = await list_records(connection, exercise, unit.value)
        if found:
            show_records(screen(), found)
        else:
            screen().write("No records found.")

    run(work())


@exercises.command()
def progress(
    exercise: Annotated[str, typer.Argument(help="Name of the exercise, in any case.")],
    first: From = None,
    last: To = None,
    unit: ShownUnit = Unit.KG,
    metric: Annotated[
        MetricName | None,
        typer.Option(
            help="Figure to plot.", show_default="the first of 1rm to duration that it has"
        ),
    ] = None,
) -> None:
    """Plot your progress in an exercise; in a pipe, print it as a table."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import select
    from server.programs.client.figures import get_progress
    from server.programs.client.screen.plot import show_progress

    selection = select(first, last, None)

    async def work() -> None:
        async with connected(session_file()) as connection:
            points = await get_progress(connection, exercise, selection, unit.value)
        show_progress(screen(), exercise, points, unit.value, metric.value if metric else None)

    run(work())

"""Commands for the workouts of the training log: `gymlocker workouts …`."""

from typing import Annotated

import typer

from server.errors import StartError
from server.programs.cli.client_command import run, screen, session_file, silence_grpc
from server.programs.cli.training_options import (
    From,
    Id,
    ShownUnit,
    To,
    Type,
    TypedUnit,
    Unit,
    WeekStart,
)

workouts = typer.Typer(
    name="workouts",
    help="Your training diary. Log in first: `gymlocker login`.",
    no_args_is_help=True,
)


@workouts.command("list")
def list_(
    first: From = None,
    last: To = None,
    type_: Type = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="Maximum number of workouts.")
    ] = 20,
    ids: Annotated[bool, typer.Option("--ids", help="Show whole ids in a terminal, too.")] = False,
) -> None:
    """List workouts, newest first.

    A terminal shows the first 8 characters of each id, which `show`, `edit` and `delete` accept. A
    pipe or a file gets whole ids.
    """
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import list_newest, select
    from server.programs.client.screen.workouts import show_workouts

    selection = select(first, last, type_)

    async def work() -> None:
        async with connected(session_file()) as connection:
            found, more = await list_newest(connection, selection, limit)
        output = screen()
        show_workouts(output, found, more=more, whole_ids=ids or not output.is_terminal)

    run(work())


@workouts.command()
def show(id_: Id) -> None:
    """Show a workout with all its sets."""
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.lookup import find_whole
    from server.programs.client.screen.workouts import show_workout

    async def work() -> None:
        async with connected(session_file()) as connection:
            workout = await find_whole(connection, id_)
        show_workout(screen(), workout)

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
    exercises: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXERCISE",
            help="An exercise with its sets, such as 'Bench Press: 100kg x5 x5 x4, 90kg x8'.",
            show_default=False,
        ),
    ] = None,
    notes: Annotated[str, typer.Option(help="Notes on the workout.")] = "",
    start: Annotated[
        str, typer.Option(metavar="HH:MM", help="Time of day when it began, such as 18:30.")
    ] = "",
    unit: TypedUnit = Unit.KG,
) -> None:
    """Add a workout, and print the sets as they were understood.

    Sets are separated by commas. Examples of exercises:

    - 'Bench Press: w 60kg x10, 100kg x5 x5 x4, 90kg x8 (easy)'

    - 'Squat: 5x5 100kg', 'Push-up: bw 3x20', 'Plank: 3x60s', 'Run: 5km 25:00'

    Before a set: warmup (w), drop (d), failure (f); bw means no weight.

    After a set: @8.5 for the RPE, skipped, or a note in parentheses.
    """
    silence_grpc()
    from server.programs.client.connection import connected
    from server.programs.client.diary import add as run_add
    from server.programs.client.screen.workouts import show_exercises
    from server.programs.client.typed import new_workout

    async def work() -> None:
        new = new_workout(date, type_, minutes, exercises or [], notes, start, unit.value)
        async with connected(session_file()) as connection:
            added = await run_add(connection, new)
        output = screen()
        output.write(f"Added: {added.date}, {added.type}, {added.duration} minutes.")
        show_exercises(output, added)

    run(work())


@workouts.command()
def edit(
    id_: Id,
    date: Annotated[str | None, typer.Option(help="New day; the start moves with it.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="New type.")] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=10_080, help="New duration in minutes.")
    ] = None,
    notes: Annotated[str | None, typer.Option(help="New notes; '' for none.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="New time of day; '' for none.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXERCISE",
            help="An exercise with its sets, as for `add`; '' for none. Repeatable; the given ones "
            "replace all exercises of the workout.",
        ),
    ] = None,
    unit: TypedUnit = Unit.KG,
) -> None:
    """Change a workout: by options, or without any in your editor ($VISUAL or $EDITOR).

    If it was changed elsewhere in the meantime, nothing is changed, and your text is kept.
    """
    silence_grpc()
    from gymlocker.v2 import workout_pb2

    from server.programs.client import diary
    from server.programs.client.connection import connected
    from server.programs.client.editing import edit as edit_in_editor
    from server.programs.client.lookup import find_whole
    from server.programs.client.screen.workouts import show_exercises, summary
    from server.programs.client.text import is_interactive
    from server.programs.client.typed import Changes, changed

    changes = Changes(date, type_, minutes, notes, start, sets)

    async def read() -> workout_pb2.Workout:
        async with connected(session_file()) as connection:
            return await find_whole(connection, id_)

    async def update(
        before: workout_pb2.Workout, after: workout_pb2.Workout
    ) -> workout_pb2.Workout:
        async with connected(session_file()) as connection:
            return await diary.update(connection, before, after)

    async def change() -> workout_pb2.Workout:
        before = await read()
        return await update(before, changed(before, changes, unit.value))

    saved: workout_pb2.Workout | None
    if changes.any:
        saved = run(change())
    elif is_interactive():
        before = run(read())
        saved = edit_in_editor(before, unit.value, lambda after: run(update(before, after)))
    else:
        raise StartError("Not running in a terminal: pass options, such as --minutes 45.")
    output = screen()
    if saved is None:
        output.write("Nothing was changed.")
        return
    output.write(f"Saved: {summary(saved)}.")
    show_exercises(output, saved)


@workouts.command()
def delete(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID",
            help="Ids of workouts, or their first 4 or more characters, if unambiguous.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete workouts; asks first. Without a terminal, --yes is required."""
    silence_grpc()
    from gymlocker.v2 import workout_pb2

    from server.programs.client import diary
    from server.programs.client.connection import connected
    from server.programs.client.lookup import find
    from server.programs.client.prompts import ask
    from server.programs.client.screen.workouts import summary
    from server.programs.client.text import counted, is_interactive

    if not (yes or is_interactive()):
        raise StartError("Not running in a terminal: pass --yes to delete without being asked.")

    async def read() -> list[workout_pb2.Workout]:
        async with connected(session_file()) as connection:
            return await find(connection, ids)

    async def work() -> None:
        async with connected(session_file()) as connection:
            for each in found:
                await diary.delete(connection, each)
                output.write(f"Deleted: {summary(each)}.")

    found = run(read())
    output = screen()
    if not yes:
        for each in found:
            output.write_labelled(each.id[:8], summary(each))
        # Outside of an event loop, in which Ctrl-C would not end the question.
        if not ask(f"Delete {counted(len(found), 'workout')}?"):
            output.write("Nothing was deleted.")
            return
    run(work())


@workouts.command()
def stats(
    first: From = None,
    last: To = None,
    type_: Type = None,
    year: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=9998,
            help="Only this year.",
            show_default="the calendar shows the last 12 months",
        ),
    ] = None,
    unit: ShownUnit = Unit.KG,
    week_start: Annotated[
        WeekStart, typer.Option("--week-start", help="First day of a week.")
    ] = WeekStart.MONDAY,
) -> None:
    """Show totals, streaks, sums per type, month and week, and a calendar of the year."""
    silence_grpc()
    from server.programs.client import diary
    from server.programs.client.connection import connected
    from server.programs.client.screen.calendar import show_calendar
    from server.programs.client.screen.stats import show_stats

    if year is not None and (first or last):
        raise StartError("--year stands for --from and --to: pass either.")
    selection = diary.select_year(year, type_) if year else diary.select(first, last, type_)
    shown = diary.calendar_of(selection)

    async def work() -> None:
        async with connected(session_file()) as connection:
            found = await diary.get_stats(connection, selection, unit.value, week_start.value)
            days = await diary.minutes_by_day(connection, shown)
        output = screen()
        show_stats(output, found, unit.value)
        if days:
            output.blank()
            show_calendar(output, days, *shown.days, from_sunday=week_start == WeekStart.SUNDAY)

    run(work())

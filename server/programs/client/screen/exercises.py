"""Exercises, records and progress as tables."""

from collections.abc import Sequence
from decimal import Decimal

from gymlocker.v2 import exercise_pb2, training_pb2

from server.programs.client.notation.writer import format_duration, format_number, format_set
from server.programs.client.screen.console import Column, Screen
from server.programs.client.screen.workouts import SHORT_ID

NAME_WIDTH = 40
RECORDS = {
    "max_weight": "Heaviest weight",
    "estimated_one_rep_max": "Estimated 1RM",
    "max_reps": "Most repetitions",
    "max_session_volume": "Largest volume",
    "max_distance": "Longest distance",
    "max_duration": "Longest duration",
}


def show_exercises(
    screen: Screen, exercises: Sequence[exercise_pb2.ExerciseSummary], unit: str
) -> None:
    """Write a table of exercises."""
    columns = (
        Column("Exercise", least=12, most=NAME_WIDTH),
        Column("Workouts", is_number=True),
        Column("Sets", is_number=True),
        Column("Last"),
        Column("Best set"),
        Column("Est. 1RM", is_number=True),
    )
    screen.table(columns, [_exercise_row(each, unit) for each in exercises])


def show_records(screen: Screen, records: Sequence[exercise_pb2.Record]) -> None:
    """Write a table of records; the name of an exercise stands in its first row."""
    columns = (
        Column("Exercise", least=12, most=NAME_WIDTH),
        Column("Record"),
        Column("Value", is_number=True),
        Column("Date"),
        Column("Workout", style="cyan"),
    )
    rows = []
    previous = ""
    for each in records:
        is_repeated = screen.is_terminal and each.exercise == previous
        previous = each.exercise
        rows.append(
            (
                "" if is_repeated else each.exercise,
                RECORDS.get(each.kind, each.kind),
                _value(each),
                each.date,
                each.workout_id[:SHORT_ID],
            )
        )
    screen.table(columns, rows)


def show_points(screen: Screen, points: Sequence[exercise_pb2.ProgressPoint], unit: str) -> None:
    """Write the progress of an exercise as a table, without the columns that have no value."""
    columns = [
        Column("Date"),
        Column("Top set"),
        Column("Est. 1RM", is_number=True),
        Column("Volume", is_number=True),
        Column("Sets", is_number=True),
        Column("Reps", is_number=True),
        Column("Distance", is_number=True),
        Column("Duration", is_number=True),
        Column("Workout", style="cyan"),
    ]
    rows = [_point_row(each, unit) for each in points]
    used = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    screen.table([columns[index] for index in used], [[row[i] for i in used] for row in rows])


def _exercise_row(each: exercise_pb2.ExerciseSummary, unit: str) -> tuple[str, ...]:
    return (
        each.name,
        f"{each.workouts:,}",
        f"{each.sets:,}",
        each.last_date,
        short_set(each.best_set) if each.HasField("best_set") else "",
        with_unit(each.estimated_one_rep_max, unit)
        if each.HasField("estimated_one_rep_max")
        else "",
    )


def _point_row(each: exercise_pb2.ProgressPoint, unit: str) -> tuple[str, ...]:
    has_one_rep_max = each.HasField("estimated_one_rep_max")
    return (
        each.date,
        short_set(each.top_set) if each.HasField("top_set") else "",
        with_unit(each.estimated_one_rep_max, unit) if has_one_rep_max else "",
        with_unit(each.volume, unit) if each.volume else "",
        f"{each.sets:,}",
        f"{each.reps:,}" if each.reps else "",
        with_unit(each.distance, "m") if each.HasField("distance") else "",
        format_duration(each.duration_seconds) if each.HasField("duration_seconds") else "",
        each.workout_id[:SHORT_ID],
    )


def short_set(each: training_pb2.WorkoutSet) -> str:
    """Return a set without its note and whether it was done."""
    short = training_pb2.WorkoutSet()
    short.CopyFrom(each)
    for name in ("notes", "completed", "rpe"):
        short.ClearField(name)
    return format_set(short)


def with_unit(value: float, unit: str) -> str:
    """Return a figure with thousands separators and its unit."""
    return f"{Decimal(format_number(value)):,f} {unit}"


def _value(record: exercise_pb2.Record) -> str:
    if record.unit == "s":
        return format_duration(int(record.value))
    value = with_unit(record.value, record.unit)
    has_reps = record.kind == "max_weight" and record.HasField("reps")
    return f"{value} x{record.reps}" if has_reps else value

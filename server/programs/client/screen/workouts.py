"""A table of workouts, and one workout with its sets."""

from collections.abc import Sequence

from gymlocker.v2 import training_pb2, workout_pb2

from server.programs.client.notation.writer import format_exercise, format_set
from server.programs.client.screen.console import Column, Screen
from server.programs.client.text import counted, hours

# As many characters of an id as are easy to type, and tell thousands of workouts apart.
SHORT_ID = 8
TYPE_WIDTH = 30
APPS = {
    "strong": "Strong",
    "hevy": "Hevy",
    "fitnotes": "FitNotes",
    "stronglifts": "StrongLifts",
    "liftlog": "LiftLog",
    "gymlocker": "Gymlocker",
}


def show_workouts(
    screen: Screen, workouts: Sequence[workout_pb2.Workout], *, more: bool, whole_ids: bool
) -> None:
    """Write a table of workouts; long notes are shortened."""
    if not workouts:
        screen.write("No workouts found.")
        return
    columns = (
        Column("Date"),
        Column("ID", style="cyan"),
        Column("Type", least=12, most=TYPE_WIDTH),
        Column("Length", is_number=True),
        Column("Exercises", is_number=True),
        Column("Sets", is_number=True),
        Column("Notes", least=12),
    )
    screen.table(columns, [_row(each, whole_ids=whole_ids) for each in workouts])
    if more:
        screen.write(f"Showing the newest {len(workouts):,}; for more, use --limit.")


def show_workout(screen: Screen, workout: workout_pb2.Workout) -> None:
    """Write a workout with all its sets."""
    screen.write(summary(workout), style="bold")
    source = f"; imported from {APPS.get(workout.source, workout.source)}" if workout.source else ""
    screen.write(f"ID {workout.id}{source}")
    if workout.notes:
        screen.blank()
        screen.write_lines(workout.notes)
    for exercise in workout.exercises:
        screen.blank()
        _show_exercise(screen, exercise)


def show_exercises(screen: Screen, workout: workout_pb2.Workout) -> None:
    """Write the exercises in the notation, one a line, and their number."""
    for exercise in workout.exercises:
        screen.write_indented(format_exercise(exercise))
    if workout.exercises:
        screen.write(f"{sets_line(workout)}.")


def summary(workout: workout_pb2.Workout) -> str:
    """Return a workout in one line: 2026-02-07 18:30 (+01:00), Push, 1 h 5 min."""
    return f"{workout.date}{_start(workout)}, {workout.type}, {hours(workout.duration)}"


def sets_line(workout: workout_pb2.Workout) -> str:
    """Return the numbers of exercises and sets in words."""
    exercises = counted(len(workout.exercises), "exercise")
    return f"{exercises}, {counted(sum(len(each.sets) for each in workout.exercises), 'set')}"


def _row(workout: workout_pb2.Workout, *, whole_ids: bool) -> tuple[str, ...]:
    return (
        workout.date,
        workout.id if whole_ids else workout.id[:SHORT_ID],
        workout.type,
        hours(workout.duration),
        # A workout of a run has neither; zeros would only distract.
        f"{workout.exercise_count or ''}",
        f"{workout.set_count or ''}",
        workout.notes,
    )


def _start(workout: workout_pb2.Workout) -> str:
    if not workout.start_time:
        return ""
    day, _, rest = workout.start_time.partition("T")
    other_day = "" if day == workout.date else f"began {day} "
    offset = rest[8:].lstrip(".0123456789")
    return f" {other_day}{rest[:5]} ({'UTC' if offset in ('Z', 'z') else offset})"


def _show_exercise(screen: Screen, exercise: training_pb2.WorkoutExercise) -> None:
    superset = f" (superset {exercise.superset})" if exercise.HasField("superset") else ""
    screen.write(f"{exercise.name}{superset}", style="bold")
    screen.write_lines(exercise.notes, indent=2)
    for number, each in enumerate(exercise.sets, 1):
        screen.write_labelled(f"{number:>4}", format_set(each))

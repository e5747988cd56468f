"""Reading texts and cases as files, and short forms of the results."""

import io
from pathlib import Path

from server.services.workout.formats.model import Format, Problem, ReadFile, ReadOptions
from server.services.workout.formats.read import read_file
from server.services.workout.model import Exercise, Set, Workout

CASES = Path(__file__).parent / "cases"

# The oldest layout of Strong.
STRONG = (
    "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,"
    "Notes,Workout Notes,RPE\n"
)
HEVY = (
    '"title","start_time","end_time","description","exercise_title","superset_id",'
    '"exercise_notes","set_index","set_type","weight_kg","reps","distance_km",'
    '"duration_seconds","rpe"\n'
)
FITNOTES = "Date,Exercise,Category,Weight,Weight Unit,Reps,Distance,Distance Unit,Time,Comment\n"


def read(
    contents: str | bytes, of: Format | None = None, *, unit: str = "", time_zone: str = "UTC"
) -> ReadFile:
    data = contents if isinstance(contents, bytes) else contents.encode()
    options = ReadOptions(default_duration=60, unit=unit, time_zone=time_zone)
    return read_file(io.BytesIO(data), format=of, options=options)


def case(name: str, *, unit: str = "", time_zone: str = "UTC") -> ReadFile:
    [path] = CASES.glob(f"{name}*")
    return read(path.read_bytes(), unit=unit, time_zone=time_zone)


def workouts(contents: str | bytes, *, unit: str = "kg") -> list[Workout]:
    """Return the workouts of a file without problems."""
    file = read(contents, unit=unit)
    assert file.problems == []
    return [found.workout for found in file.workouts]


def exercises(contents: str | bytes, *, unit: str = "kg") -> tuple[Exercise, ...]:
    """Return the exercises of a file with one workout and without problems."""
    [workout] = workouts(contents, unit=unit)
    return workout.exercises


def one_set(contents: str | bytes, *, unit: str = "kg") -> Set:
    """Return the set of a file with one."""
    [exercise] = exercises(contents, unit=unit)
    [one] = exercise.sets
    return one


def problem(contents: str) -> Problem:
    """Return the problem of a file with one."""
    [found] = read(contents, unit="kg").problems
    return found


def kg(weight: float, reps: int | None = None) -> Set:
    return Set(reps=reps, weight=weight, weight_unit="kg")


def lb(weight: float, reps: int | None = None) -> Set:
    return Set(reps=reps, weight=weight, weight_unit="lb")

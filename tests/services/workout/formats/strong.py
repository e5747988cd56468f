"""Strong's exports in its oldest layout, and their results."""

from server.services.workout.formats.model import Format, Problem, ReadFile, ReadWorkout
from server.services.workout.formats.read import read_file

PLAIN = (
    "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,"
    "Notes,Workout Notes,RPE\n"
)

Values = tuple[str, str, int, str, bool]


def read(text: str) -> ReadFile:
    file = read_file(text.encode(), format=None, default_duration=60)
    assert file.format is Format.STRONG
    return file


def values(found: ReadWorkout) -> Values:
    workout = found.workout
    assumed = found.duration_assumed
    return workout.date.isoformat(), workout.type, workout.duration, workout.notes, assumed


def one(text: str) -> Values:
    file = read(text)
    assert file.problems == []
    [found] = file.workouts
    return values(found)


def problem(row: str) -> Problem:
    """Return the problem of a row in the layout PLAIN, which skips only its own workout."""
    valid = "2021-03-02 07:00:00,Pull,10m,Row,1,50,5,0,0,,,\n"
    file = read(PLAIN + row + "\n" + valid)
    assert [found.workout.type for found in file.workouts] == ["Pull"]
    [found] = file.problems
    return found


def notes_of(*sets: str) -> str:
    """Return the notes of rows that begin with the exercise, in the layout PLAIN."""
    rows = [f"2021-03-01 18:02:11,Push,1h,{row}\n" for row in sets]
    return one(PLAIN + "".join(rows))[3]

"""Exports of Strong: one row per set, in several layouts, with or without units.

    Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes,…
    2021-03-01 18:02:11,"Push",1h 5m,"Bench Press (Barbell)",1,80.0,5,0,0,"","",8

Other layouts name the duration `Workout Duration` or `Duration (sec)`, use `;` and decimal commas,
and give units in columns (`Weight Unit`) or titles (`Weight (kg)`). 0 means not measured.
"""

from functools import partial

from server.services.workout.formats.cells import duration, measure, moment, number, time
from server.services.workout.formats.model import Format, ReadFile
from server.services.workout.formats.notes import Set
from server.services.workout.formats.sessions import App, Session, collect
from server.services.workout.formats.table import Row, Table

COLUMNS = ("date", "workout name", "exercise name", "set order")

_DURATIONS = ("duration", "workout duration", "duration (sec)")
_KINDS = {"w": "warm-up", "d": "drop set", "f": "failure"}
# Rows that are not sets.
_REST = "rest timer"
_NOTE = "note"


def read(table: Table, default_duration: int) -> ReadFile:
    """Read a table that has Strong's columns."""
    header = table.header
    add = partial(_add, header.units("weight"), header.units("distance"))
    app = App(Format.STRONG, lambda row: row["workout name"], lambda row: moment(row, "date"), add)
    return collect(table, app, default_duration)


def _add(
    weights: list[tuple[str, str]], distances: list[tuple[str, str]], row: Row, session: Session
) -> None:
    for name in _DURATIONS:
        session.set_duration(duration(row, name), row.header.title(name))
    session.note(row["workout notes"])
    order = row["set order"]
    if order.lower() in (_REST, _NOTE):
        session.exercise_note(row["exercise name"], row["notes"])
        return
    one = Set(
        weight=measure(row, weights, "weight unit"),
        reps=number(row, "reps"),
        distance=measure(row, distances, "distance unit"),
        time=time(row, "seconds"),
        rpe=number(row, "rpe"),
        remarks=("" if order.isdecimal() else _KINDS.get(order.lower(), order),),
    )
    session.exercise(row["exercise name"], one, row["notes"])

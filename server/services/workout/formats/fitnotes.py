"""Exports of FitNotes: one row per set, in two layouts.

    Date,Exercise,Category,Weight (kgs),Reps,Distance,Distance Unit,Time,Comment
    2018-01-14,Flat Barbell Bench Press,Chest,100.0,5,,,,"good"

does not name workouts, so all sets of a day form one. Newer files have `Weight,Weight Unit`. An iOS
app of the same name has `Weight (kg),Weight (lbs)` and `Notes` instead. Another one names workouts:

    Name,StartTime,EndTime,BodyWeight,Exercise,Equipment,Reps,Weight,Time,Distance,Status,…
    Push,2025-02-23T10:13:53Z,2025-02-23T11:08:47Z,"94,0",Bench,Barbell,8,"60,0",,,Done,…
"""

from datetime import datetime
from functools import partial

from server.services.workout.formats.cells import measure, moment, number, time
from server.services.workout.formats.model import Format, ReadFile
from server.services.workout.formats.notes import Set
from server.services.workout.formats.sessions import App, Session, collect
from server.services.workout.formats.table import Row, Table

COLUMNS = ("date", "exercise", "category")
COLUMNS_WITH_NAMES = ("name", "starttime", "exercise")

_STATES = {"done": "", "failed": "failed", "notstarted": "not started"}


def read(table: Table, default_duration: int) -> ReadFile:
    """Read a table that has the columns of one of the layouts."""
    header = table.header
    if header.has(COLUMNS_WITH_NAMES):
        app = App(Format.FITNOTES, lambda row: row["name"], _start, _add_named)
    else:
        add = partial(_add, header.units("weight"), header.units("distance"))
        app = App(Format.FITNOTES, lambda _: "", _day, add)
    return collect(table, app, default_duration)


def _start(row: Row) -> datetime:
    return moment(row, "starttime")


def _day(row: Row) -> datetime:
    return moment(row, "date").replace(hour=0, minute=0, second=0)


def _add(
    weights: list[tuple[str, str]], distances: list[tuple[str, str]], row: Row, session: Session
) -> None:
    if row["category"]:
        session.categories[row["category"]] = None
    one = Set(
        weight=measure(row, weights, "weight unit"),
        reps=number(row, "reps"),
        distance=measure(row, distances, "distance unit"),
        time=time(row, "time"),
    )
    session.exercise(row["exercise"], one, row["comment"], row["notes"])


def _add_named(row: Row, session: Session) -> None:
    if row["endtime"]:
        duration = moment(row, "endtime") - moment(row, "starttime")
        session.set_duration(int(duration.total_seconds()), row.header.title("endtime"))
    if body_weight := measure(row, [("bodyweight", "")]):
        session.note(f"Body weight: {body_weight}")
    state = row["status"]
    one = Set(
        weight=measure(row, [("weight", "")]),
        reps=number(row, "reps"),
        distance=measure(row, [("distance", "")]),
        time=time(row, "time"),
        rpe=number(row, "rpe"),
        rir=number(row, "rir"),
        remarks=(
            "warm-up" if row["iswarmup"].lower() == "true" else "",
            _STATES.get(state.lower(), state),
        ),
    )
    equipment = row["equipment"] and f" ({row['equipment']})"
    session.exercise(row["exercise"] + equipment, one, row["note"])

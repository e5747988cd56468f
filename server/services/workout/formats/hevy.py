"""Exports of Hevy: one row per set, units in the column titles.

    title,start_time,end_time,description,exercise_title,superset_id,exercise_notes,set_index,…
    "Push","15 Jan 2024, 18:30","15 Jan 2024, 19:35","","Bench Press (Barbell)",,"",0,"normal",…

Times have the phone's format: `15 Jan 2024, 18:30`, `Jan 15, 2024, 6:30 PM` or
`2024-01-15 18:30:00`.
"""

from functools import partial

from server.services.workout.formats.cells import measure, moment, number, time
from server.services.workout.formats.model import Format, ReadFile
from server.services.workout.formats.notes import Set
from server.services.workout.formats.sessions import App, Session, collect
from server.services.workout.formats.table import Row, Table

COLUMNS = ("title", "start_time", "exercise_title")

_KINDS = {"normal": "", "warmup": "warm-up", "dropset": "drop set"}


def read(table: Table, default_duration: int) -> ReadFile:
    """Read a table that has Hevy's columns."""
    header = table.header
    add = partial(_add, header.units("weight"), header.units("distance"))
    app = App(Format.HEVY, lambda row: row["title"], lambda row: moment(row, "start_time"), add)
    return collect(table, app, default_duration)


def _add(
    weights: list[tuple[str, str]], distances: list[tuple[str, str]], row: Row, session: Session
) -> None:
    if row["end_time"]:
        duration = moment(row, "end_time") - moment(row, "start_time")
        session.set_duration(int(duration.total_seconds()), row.header.title("end_time"))
    session.note(row["description"])
    kind = row["set_type"]
    one = Set(
        weight=measure(row, weights),
        reps=number(row, "reps"),
        distance=measure(row, distances),
        time=time(row, "duration_seconds"),
        rpe=number(row, "rpe"),
        remarks=(_KINDS.get(kind.lower(), kind),),
    )
    superset = row["superset_id"] and f"superset {row['superset_id']}"
    session.exercise(row["exercise_title"], one, superset, row["exercise_notes"])

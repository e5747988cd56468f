"""Headers of Strong in languages other than English.

German titles are known by name. Other languages are recognised by the order of the columns, which
is the same in all, and by what the first rows contain.
"""

import re
from dataclasses import replace
from itertools import islice

from server.services.workout.formats.cells.units import DISTANCES, WEIGHTS, spelling
from server.services.workout.formats.model import Problem
from server.services.workout.formats.table import Header, Table

_GERMAN = {
    "datum": "date",
    "workout-name": "workout name",
    "dauer": "duration",
    "workout-dauer": "workout duration",
    "name der übung": "exercise name",
    "reihenfolge festlegen": "set order",
    "gewicht": "weight",
    "gewichtseinheit": "weight unit",
    "wiederh.": "reps",
    "entfernung": "distance",
    "entfernungseinheit": "distance unit",
    "sekunden": "seconds",
    "notizen": "notes",
    "workout-notizen": "workout notes",
}
_END = ("seconds", "notes", "workout notes")
_SETS = ("exercise name", "set order", "weight")
_WITH_UNITS = ("weight unit", "reps", "rpe", "distance", "distance unit")
_LAYOUTS = (
    ("date", "workout name", "duration", *_SETS, "reps", "distance", *_END, "rpe"),
    ("date", "workout name", "duration", *_SETS, "reps", "distance", *_END),
    ("date", "workout name", *_SETS, "reps", "distance", *_END),
    ("date", "workout name", *_SETS, "reps", "rpe", "distance", *_END),
    ("date", "workout name", *_SETS, "reps", "rpe", "distance", *_END, "workout duration"),
    *(
        ("date", "workout name", *before, *_SETS, *_WITH_UNITS, *_END, *after)
        for before, after in (((), ()), ((), ("workout duration",)), (("duration",), ()))
    ),
    (
        "workout #",
        "date",
        "workout name",
        "duration (sec)",
        *_SETS,
        "reps",
        "rpe",
        "distance",
        *_END,
    ),
)

_NUMBER = r"\s*|[-+]?[\d.,\s]+"
_DURATION = r"\s*|[\d:.,]+|(\d+\s?[^\W\d]+\.?\s?){1,3}"
_CONTENTS = {
    "date": re.compile(r".*\d{4}.*\d{1,2}[:.h]\d{2}.*|\d{1,2}\D.*\d{4}.*"),
    "set order": re.compile(r"\s*\d{1,4}\s*|[^\d.,;:]{1,40}"),
    **dict.fromkeys(("weight", "reps", "distance", "seconds", "rpe"), re.compile(_NUMBER)),
    **dict.fromkeys(("workout #", "duration (sec)"), re.compile(r"[\d.,]*")),
    **dict.fromkeys(("duration", "workout duration"), re.compile(_DURATION)),
    **dict.fromkeys(("weight unit", "distance unit"), re.compile(r"\D{0,12}")),
}
_SAMPLE = 50
# Longer cells would take the patterns a long time.
_MAX_LENGTH = 100


def translated(table: Table, required: tuple[str, ...]) -> Table | None:
    """Return the table with the English names of its columns; None if it is not from Strong."""
    german = Header(table.header.titles, tuple(map(_from_german, table.header.titles)))
    if german.has(required):
        return replace(table, header=german)
    rows = [row.cells for row in islice(table.rows, _SAMPLE) if not isinstance(row, Problem)]
    fitting = [layout for layout in _LAYOUTS if rows and _fits(layout, rows)]
    if len(fitting) != 1:
        return None
    names = (
        _with_unit(name, title) for name, title in zip(fitting[0], table.header.titles, strict=True)
    )
    return replace(table, header=Header(table.header.titles, tuple(names)))


def _from_german(title: str) -> str:
    base, _, _ = title.lower().partition(" (")
    return _with_unit(_GERMAN.get(base, title.lower()), title)


def _with_unit(name: str, title: str) -> str:
    """Return the name of a column with the unit that its title ends in, or is."""
    unit = spelling(title.rpartition("(")[2])
    known = {"weight": WEIGHTS, "distance": DISTANCES}.get(name, {})
    return f"{name} ({unit})" if unit in known else name


def _fits(layout: tuple[str, ...], rows: list[list[str]]) -> bool:
    """Check whether all rows have what a layout says, and one a set with a number."""
    if len(layout) != len(rows[0]):
        return False
    order = layout.index("set order")
    return any(row[order].strip().isdecimal() for row in rows) and all(
        len(cell) <= _MAX_LENGTH and _CONTENTS[name].fullmatch(cell)
        for row in rows
        for name, cell in zip(layout, row, strict=True)
        if name in _CONTENTS
    )

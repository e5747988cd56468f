"""The exercise columns of our CSV: rows become the exercises and sets of a workout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from server.services.workout.formats.cells.guard import unguarded
from server.services.workout.formats.model import BadCell, ReadOptions
from server.services.workout.formats.own.write import SET_COLUMNS
from server.services.workout.formats.table import Header, Row
from server.services.workout.formats.values import boolean, choice, decimal, name, rpe, text, whole
from server.services.workout.model import (
    DISTANCE_UNITS,
    KINDS,
    MAX_DISTANCE,
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_EXERCISES,
    MAX_NAME_CHARACTERS,
    MAX_REPS,
    MAX_SECONDS,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_SUPERSET,
    MAX_WEIGHT,
    WEIGHT_UNITS,
    Exercise,
    Set,
)

_MAX_ORDINAL = 999_999
_MAX_CACHED = 50_000


class Numbered(NamedTuple):
    """A set with its place among the sets of its exercise; None if the file does not number it."""

    number: int | None
    set: Set


@dataclass(slots=True)
class Block:
    """An exercise of a workout while its rows are read. `is_kept` is true from its first row."""

    number: int
    name: str
    superset: int | None
    notes: dict[str, None] = field(default_factory=dict)
    sets: list[tuple[int, Set]] = field(default_factory=list)
    is_kept: bool = False

    def exercise(self) -> Exercise:
        """Return the exercise with its sets in order."""
        self.sets.sort(key=itemgetter(0))
        sets = tuple(one for _, one in self.sets)
        return Exercise(self.name, "\n".join(self.notes), self.superset, sets)


class SetReader:
    """Reader of the sets of a table. Equal sets are parsed once."""

    def __init__(self, header: Header, options: ReadOptions) -> None:
        self._header = header
        self._cells = cells_of(header, SET_COLUMNS)
        self._unit = options.weight_unit
        self._sets: dict[tuple[str, ...], Numbered | None] = {}
        # True after a weight without any unit.
        self.has_assumed_unit = False

    def read(self, row: Row) -> Numbered | None:
        """Return the set of a row; None if all its cells are empty. Raises BadCell."""
        raw = self._cells(row.cells)
        try:
            return self._sets[raw]
        except KeyError:
            pass
        if len(self._sets) >= _MAX_CACHED:
            self._sets.clear()
        read = self._sets[raw] = self._read(raw) if any(map(str.strip, raw)) else None
        return read

    def _read(self, raw: tuple[str, ...]) -> Numbered:
        cells = dict(zip(SET_COLUMNS, raw, strict=True))
        notes = unguarded(cells.pop("set_notes"))
        given = {column: cell.strip() for column, cell in cells.items() if cell.strip()}
        title = self._header.title
        number = given.get("set_number")
        reps, seconds = given.get("reps"), given.get("set_duration_seconds")
        kind, effort, completed = given.get("kind"), given.get("rpe"), given.get("completed")
        weight, weight_unit = self._weight(given)
        distance, distance_unit = self._distance(given)
        return Numbered(
            whole(title("set_number"), number, 1, _MAX_ORDINAL) if number else None,
            Set(
                choice(title("kind"), kind, KINDS) if kind else None,
                whole(title("reps"), reps, 0, MAX_REPS) if reps else None,
                weight,
                weight_unit,
                distance,
                distance_unit,
                whole(title("set_duration_seconds"), seconds, 0, MAX_SECONDS) if seconds else None,
                rpe(title("rpe"), effort) if effort else None,
                boolean(title("completed"), completed) if completed else None,
                text(title("set_notes"), notes, MAX_SET_NOTES_CHARACTERS),
            ),
        )

    def _weight(self, given: dict[str, str]) -> tuple[float | None, str | None]:
        if "weight" not in given:
            return None, None
        title = self._header.title
        value = decimal(title("weight"), given["weight"], -MAX_WEIGHT, MAX_WEIGHT)
        if "weight_unit" in given:
            return value, choice(title("weight_unit"), given["weight_unit"], WEIGHT_UNITS)
        self.has_assumed_unit |= not self._unit
        return value, self._unit or "kg"

    def _distance(self, given: dict[str, str]) -> tuple[float | None, str | None]:
        if "distance" not in given:
            return None, None
        title = self._header.title
        value = decimal(title("distance"), given["distance"], 0, MAX_DISTANCE)
        unit = given.get("distance_unit", "")
        return value, choice(title("distance_unit"), unit, DISTANCE_UNITS)


class Exercises:
    """The exercises of a workout while its rows are read.

    A row belongs to the exercise of its number. Without a number, it continues the exercise of the
    row before if that has the same name and superset.
    """

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._numbered: dict[tuple[int, str], Block] = {}
        self._last: Block | None = None
        # The cells that named the last one.
        self._last_cells: tuple[str, ...] = ()

    def add(self, row: Row, cells: tuple[str, ...], one: Numbered | None) -> None:
        """Add a row whose `cells` name an exercise. Raises BadCell, and adds nothing then."""
        title = row.header.title
        known = self._last if cells == self._last_cells else None
        block = known or self._block(row)
        if not block.is_kept and len(self._blocks) >= MAX_EXERCISES:
            raise BadCell(title("exercise"), f"a workout has at most {MAX_EXERCISES} exercises")
        if one and len(block.sets) >= MAX_SETS:
            raise BadCell(title("exercise"), f"an exercise has at most {MAX_SETS} sets")
        add_notes(row, "exercise_notes", block.notes, MAX_EXERCISE_NOTES_CHARACTERS)
        if one:
            before = block.sets[-1][0] if block.sets else 0
            block.sets.append((before if one.number is None else one.number, one.set))
        if not block.is_kept:
            self._keep(block, row)
        self._last, self._last_cells = block, cells

    def all(self) -> tuple[Exercise, ...]:
        """Return the exercises in order."""
        in_order = sorted(self._blocks, key=lambda block: block.number)
        return tuple(block.exercise() for block in in_order)

    def _block(self, row: Row) -> Block:
        """Return the block of a row, which may be a new one."""
        title = row.header.title
        called = name(title("exercise"), unguarded(row["exercise"]), MAX_NAME_CHARACTERS)
        superset = row["superset"]
        turn = whole(title("superset"), superset, 0, MAX_SUPERSET) if superset else None
        if row["exercise_number"]:
            number = whole(title("exercise_number"), row["exercise_number"], 1, _MAX_ORDINAL)
            return self._numbered.get((number, called)) or Block(number, called, turn)
        last = self._last
        if last and (last.name, last.superset) == (called, turn):
            return last
        return Block(last.number if last else 0, called, turn)

    def _keep(self, block: Block, row: Row) -> None:
        block.is_kept = True
        self._blocks.append(block)
        if row["exercise_number"]:
            self._numbered[block.number, block.name] = block


def add_notes(row: Row, column: str, notes: dict[str, None], max_length: int) -> None:
    """Add the cell of a column as typed, with its spaces, unless it is among the notes.

    Raises BadCell if they become too long together.
    """
    index = row.header.columns.get(column)
    if index is None or not row.cells[index]:
        return
    more = unguarded(row.cells[index])
    if more not in notes:
        text(row.header.title(column), "\n".join([*notes, more]), max_length)
        notes[more] = None


def cells_of(header: Header, columns: Sequence[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """Return a function that returns the cells of `columns` in a row, "" for missing ones."""
    indexes = [header.columns.get(column) for column in columns]
    present = [index for index in indexes if index is not None]
    if len(present) == len(indexes) > 1:
        return itemgetter(*present)
    return lambda cells: tuple("" if index is None else cells[index] for index in indexes)

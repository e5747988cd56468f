"""A workout under construction."""

from dataclasses import dataclass, field
from typing import NamedTuple

from server.services.workout.formats.dates import Moment
from server.services.workout.formats.model import BadCell
from server.services.workout.model import MAX_EXERCISES, MAX_SETS, MAX_WORKOUT_BYTES, Set

_UNNAMED = "Exercise"
# Of a serialized message: the most that a set takes without its notes, an exercise without texts,
# and a workout without exercises.
_SET_BYTES = 64
_EXERCISE_BYTES = 16
_WORKOUT_BYTES = 48 * 1024


class Entry(NamedTuple):
    """The contents of a row: a part of one exercise of the workout that began at `start`.

    `key` has what distinguishes workouts of the same start and name; its first part, such as the
    end, is part of their ids. `seconds` is the length of the workout, 0 if not given, negative if
    it ends before it starts. A `category` names a workout without a name. `order` is the number of
    the set within its exercise: one that is not greater than the one before begins another. So do
    other notes where `is_noted_alike` says that all rows of an exercise have the same.
    """

    start: Moment
    name: str
    exercise: str
    sets: tuple[Set, ...] = ()
    key: tuple[str, ...] = ()
    seconds: int = 0
    notes: str = ""
    category: str = ""
    exercise_notes: str = ""
    superset: int | None = None
    order: int | None = None
    is_noted_alike: bool = False


@dataclass(slots=True)
class Block:
    """An exercise within a workout. `notes` is an ordered set; `order` that of the last set."""

    name: str
    superset: int | None
    notes: dict[str, None] = field(default_factory=dict)
    sets: list[Set] = field(default_factory=list)
    order: int | None = None


@dataclass(slots=True)
class Session:
    """The contents of the rows of one workout, which begins on `line`.

    `seconds` is its length: 0 if none is given, negative if it ends before it starts. `notes` and
    `categories` are ordered sets.
    """

    line: int
    start: Moment
    name: str
    key: tuple[str, ...]
    seconds: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    categories: dict[str, None] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    size: int = _WORKOUT_BYTES

    def add(self, entry: Entry) -> None:
        """Add the contents of a row. Raises BadCell, without a change, if they do not fit."""
        if entry.exercise or entry.sets or entry.exercise_notes:
            self._add_exercise(entry)
        # The first length that is not 0 counts.
        self.seconds = self.seconds or entry.seconds
        if entry.notes:
            self.notes[entry.notes] = None
        if entry.category:
            self.categories[entry.category] = None

    def _add_exercise(self, entry: Entry) -> None:
        last = self.blocks[-1] if self.blocks else None
        block = last if last and _continues(last, entry) else None
        room = MAX_SETS - len(block.sets) if block else 0
        more = -(-max(0, len(entry.sets) - room) // MAX_SETS)
        new = more or int(block is None)
        if len(self.blocks) + new > MAX_EXERCISES:
            problem = f"the workout has more than {MAX_EXERCISES} exercises"
            raise BadCell("exercise", problem)
        size = self.size + _bytes(entry, new)
        if size > MAX_WORKOUT_BYTES:
            raise BadCell("notes", "the workout is larger than 1 MiB")
        self.size = size
        for one in entry.sets or (None,):
            if block is None or (one and len(block.sets) >= MAX_SETS):
                block = Block(entry.exercise or _UNNAMED, entry.superset)
                self.blocks.append(block)
            if one:
                block.sets.append(one)
        if block and entry.exercise_notes:
            block.notes[entry.exercise_notes] = None
        if block and entry.order is not None:
            block.order = entry.order


def _continues(block: Block, entry: Entry) -> bool:
    """Check whether a row goes on with the exercise of the row before."""
    if block.name != (entry.exercise or _UNNAMED) or block.superset != entry.superset:
        return False
    if entry.is_noted_alike and block.notes and entry.exercise_notes not in ("", *block.notes):
        return False
    return block.order is None or entry.order is None or entry.order > block.order


def _bytes(entry: Entry, exercises: int) -> int:
    size = sum(_SET_BYTES + len(one.notes.encode()) for one in entry.sets)
    size += exercises * (_EXERCISE_BYTES + len(entry.exercise.encode()))
    return size + len(entry.exercise_notes.encode())

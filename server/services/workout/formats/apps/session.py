"""A workout under construction, and the contributions of rows to it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from server.services.workout.formats.cells.dates import Moment
from server.services.workout.formats.model import BadCell
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import (
    MAX_EXERCISES,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_WORKOUT_BYTES,
    Set,
)
from server.services.workout.size import EXERCISE_BYTES, SET_BYTES

_UNNAMED = "Exercise"
# The most that a workout without exercises takes as a message.
_WORKOUT_BYTES = 48 * 1024


class Occasion(NamedTuple):
    """The contribution of a row to its workout.

    `key` has what distinguishes workouts of the same start and name; its first part, such as the
    end, is part of their ids. `seconds` is the length of the workout, 0 if not given, negative if
    it ends before it starts. A `category` names a workout without a name.
    """

    start: Moment
    name: str
    key: tuple[str, ...] = ()
    seconds: int = 0
    notes: str = ""
    category: str = ""


class Part(NamedTuple):
    """The contribution of a row to an exercise.

    `has_fixed_notes` is true if all rows of an exercise have the same notes, so that other notes
    begin another exercise.
    """

    exercise: str
    notes: str = ""
    superset: int | None = None
    has_fixed_notes: bool = False


class Effort(NamedTuple):
    """The contribution of a row to the sets of an exercise.

    `notes` are those of a row without a set. `size` is the most that it takes as a message.
    """

    sets: tuple[Set, ...]
    notes: str
    size: int


def effort(sets: tuple[Set, ...], line: int, warnings: Warnings, notes: str = "") -> Effort:
    """Return what the row on `line` says about sets; long notes are left to the exercise."""
    kept: list[Set] = []
    moved = [notes]
    for one in sets:
        if len(one.notes) > MAX_SET_NOTES_CHARACTERS:
            warnings.add(
                f"Notes of sets over {MAX_SET_NOTES_CHARACTERS} characters were moved to the notes "
                "of the exercise",
                line,
            )
            moved.append(one.notes)
            kept.append(one._replace(notes=""))
        else:
            kept.append(one)
    notes = "\n".join(filter(None, moved))
    size = len(notes.encode()) + sum(SET_BYTES + len(one.notes.encode()) for one in kept)
    return Effort(tuple(kept), notes, size)


@dataclass(slots=True)
class Block:
    """An exercise within a workout. `notes` is an ordered set; `order` that of the last set."""

    part: Part
    notes: dict[str, None] = field(default_factory=dict)
    sets: list[Set] = field(default_factory=list)
    order: int | None = None

    @property
    def name(self) -> str:
        """Return the name of the exercise."""
        return self.part.exercise or _UNNAMED


class Session:
    """The contents of the rows of one workout, which begins on `line`.

    `seconds` is its length: 0 if none is given, negative if it ends before it starts. `notes` and
    `categories` are ordered sets.
    """

    def __init__(self, line: int, occasion: Occasion) -> None:
        self.line = line
        self.start, self.name, self.key = occasion.start, occasion.name, occasion.key
        self.seconds = 0
        self.notes: dict[str, None] = {}
        self.categories: dict[str, None] = {}
        self.blocks: list[Block] = []
        self._size = _WORKOUT_BYTES

    def note(self, occasion: Occasion) -> None:
        """Add what a row says about the workout."""
        # The first length that is not 0 counts.
        self.seconds = self.seconds or occasion.seconds
        if occasion.notes:
            self.notes[occasion.notes] = None
        if occasion.category:
            self.categories[occasion.category] = None

    def add(self, part: Part, effort: Effort, order: int | None) -> None:
        """Add the sets of a row to an exercise.

        Raises BadCell, without a change, if there is no room.
        """
        block = self.blocks[-1] if self.blocks else None
        if block and not _continues(block, part, order):
            block = None
        sets = effort.sets
        if block and len(sets) == 1 and len(block.sets) < MAX_SETS:
            # Most rows.
            self._reserve(effort.size)
            block.sets.append(sets[0])
        elif sets or part.exercise or part.notes or effort.notes:
            block = self._add_sets(block, part, effort)
        if not block:
            return
        if block.part is not part or not block.notes:
            block.part = part
            if part.notes:
                block.notes[part.notes] = None
        if effort.notes:
            block.notes[effort.notes] = None
        if order is not None:
            block.order = order

    def _add_sets(self, block: Block | None, part: Part, effort: Effort) -> Block:
        """Add sets to a block, or to new ones if there is none or it is full; return the last."""
        room = MAX_SETS - len(block.sets) if block else 0
        more = -(-max(0, len(effort.sets) - room) // MAX_SETS) or int(block is None)
        if len(self.blocks) + more > MAX_EXERCISES:
            raise BadCell("exercise", f"the workout has more than {MAX_EXERCISES} exercises")
        texts = len(part.exercise.encode()) + len(part.notes.encode())
        self._reserve(effort.size + more * (EXERCISE_BYTES + texts))
        block = block or self._add_block(part)
        for one in effort.sets:
            if len(block.sets) >= MAX_SETS:
                block = self._add_block(part)
            block.sets.append(one)
        return block

    def _add_block(self, part: Part) -> Block:
        block = Block(part)
        self.blocks.append(block)
        return block

    def _reserve(self, size: int) -> None:
        if self._size + size > MAX_WORKOUT_BYTES:
            raise BadCell("notes", "the workout is larger than 1 MiB")
        self._size += size


def _continues(block: Block, part: Part, order: int | None) -> bool:
    """Check whether a row goes on with the exercise of the row before."""
    if block.order is not None and order is not None and order <= block.order:
        return False
    before = block.part
    if part is before:
        return True
    if part.exercise != before.exercise or part.superset != before.superset:
        return False
    return not (part.has_fixed_notes and block.notes and part.notes not in ("", *block.notes))

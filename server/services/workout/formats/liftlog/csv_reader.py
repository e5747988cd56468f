"""Plain text exports of LiftLog: CSV with a row for each set that was done, without cardio.

    SessionId,Timestamp,Exercise,Weight,WeightUnit,Reps,TargetReps,Notes
    5d9a1b1e-…,2024-10-16T10:45:06,Incline Bench,60,kg,8,8,

A session is a workout; it has the id of the same session in a backup. The notes are those of the
exercise. The app writes the newest session first, so times give the order.
"""

from dataclasses import dataclass, field
from operator import attrgetter

from server.services.workout.formats.cells.dates import Moment
from server.services.workout.formats.cells.units import WEIGHTS, spelling
from server.services.workout.formats.identity import id_of
from server.services.workout.formats.liftlog.backup import UNNAMED, assumed_durations
from server.services.workout.formats.liftlog.times import Times, instant, moment_in
from server.services.workout.formats.model import (
    ASSUMED_KILOGRAMS,
    BadCell,
    Format,
    Problem,
    ReadFile,
    ReadOptions,
    ReadWorkout,
    quoted,
)
from server.services.workout.formats.own.csv_sets import add_notes
from server.services.workout.formats.size import require_size
from server.services.workout.formats.table import Row, Table
from server.services.workout.formats.unread import UnreadColumns
from server.services.workout.formats.values import decimal, name, whole
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import (
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_EXERCISES,
    MAX_NAME_CHARACTERS,
    MAX_REPS,
    MAX_SETS,
    MAX_WEIGHT,
    Exercise,
    Set,
    Workout,
)

COLUMNS = ("sessionid", "timestamp", "exercise", "weight")

_READ = (*COLUMNS, "weightunit", "reps", "notes")
# The unit of exercises that need none.
_NO_UNIT = "-"


@dataclass(slots=True)
class _Block:
    """An exercise of a session while its rows are read."""

    name: str
    notes: dict[str, None] = field(default_factory=dict)
    sets: list[tuple[Moment, Set]] = field(default_factory=list)


@dataclass(slots=True)
class _Session:
    """A session while its rows are read."""

    line: int
    blocks: list[_Block] = field(default_factory=list)


def read(table: Table, options: ReadOptions) -> ReadFile:
    """Read a table that has COLUMNS. Raises UnreadableFile."""
    file = ReadFile(Format.LIFTLOG)
    reader = _Reader(options)
    unread = UnreadColumns(table.header, _READ)
    for row in table.rows:
        if isinstance(row, Problem):
            file.problems.append(row)
            continue
        unread.see(row)
        try:
            reader.add(row)
        except BadCell as problem:
            file.problems.append(Problem(row.line, f"{problem}."))
    reader.add_workouts(file)
    file.columns_not_read.extend(unread.titles)
    file.warnings.extend(reader.warnings.sentences())
    return file


class _Reader:
    """Reader of rows into workouts."""

    def __init__(self, options: ReadOptions) -> None:
        self.warnings = Warnings()
        self._default_duration = options.default_duration
        self._unit = options.weight_unit
        self._times = Times(options, self.warnings)
        self._sessions: dict[str, _Session] = {}

    def add(self, row: Row) -> None:
        """Add a set. Raises BadCell, and adds nothing then."""
        title = row.header.title
        id_ = name(title("sessionid"), row["sessionid"], 100).lower()
        called = name(title("exercise"), row["exercise"], MAX_NAME_CHARACTERS)
        moment = moment_in(row["timestamp"])
        if moment is None:
            problem = f"{quoted(row['timestamp'])} is not a time in the form 2024-10-16T10:45:06"
            raise BadCell(title("timestamp"), problem)
        one = self._set(row)
        session = self._sessions.get(id_) or _Session(row.line)
        last = session.blocks[-1] if session.blocks else None
        block = last if last and last.name == called else _Block(called)
        if block is not last and len(session.blocks) >= MAX_EXERCISES:
            raise BadCell(title("exercise"), f"a workout has at most {MAX_EXERCISES} exercises")
        if len(block.sets) >= MAX_SETS:
            raise BadCell(title("exercise"), f"an exercise has at most {MAX_SETS} sets")
        add_notes(row, "notes", block.notes, MAX_EXERCISE_NOTES_CHARACTERS)
        block.sets.append((moment, one))
        if block is not last:
            session.blocks.append(block)
        self._sessions[id_] = session

    def add_workouts(self, file: ReadFile) -> None:
        """Add the workouts to a file in the order of its lines, and problems of workouts."""
        found = file.workouts
        for id_, session in self._sessions.items():
            read = self._workout(id_, session)
            try:
                require_size(read.workout, "session")
            except BadCell as problem:
                file.problems.append(Problem(session.line, f"{problem}."))
            else:
                found.append(read)
        if assumed := sum(one.duration_assumed for one in found):
            self.warnings.add(assumed_durations(assumed, self._default_duration))
        file.problems.sort(key=attrgetter("line"))

    def _workout(self, id_: str, session: _Session) -> ReadWorkout:
        moments = [moment for block in session.blocks for moment, _ in block.sets]
        span = self._times.span(moments)
        in_order = sorted(session.blocks, key=lambda block: min(map(_when, block.sets)))
        workout = Workout(
            id_of(Format.LIFTLOG, id_),
            span.date,
            UNNAMED,
            span.minutes or self._default_duration,
            "",
            span.start_time,
            tuple(_exercise(block) for block in in_order),
        )
        return ReadWorkout(session.line, workout, not span.minutes, Format.LIFTLOG.value)

    def _set(self, row: Row) -> Set:
        title = row.header.title
        reps = whole(title("reps"), row["reps"], 0, MAX_REPS) if row["reps"] else None
        if not row["weight"] or row["weightunit"] == _NO_UNIT:
            return Set(reps=reps)
        weight = decimal(title("weight"), row["weight"], -MAX_WEIGHT, MAX_WEIGHT)
        if not weight:
            return Set(reps=reps)
        unit = spelling(row["weightunit"])
        if unit and unit not in WEIGHTS:
            raise BadCell(title("weightunit"), f"{quoted(row['weightunit'])} is neither kg nor lbs")
        return Set(reps=reps, weight=weight, weight_unit=self._unit_of(unit))

    def _unit_of(self, unit: str) -> str:
        if unit:
            return WEIGHTS[unit][0]
        if not self._unit:
            self.warnings.add(ASSUMED_KILOGRAMS)
        return self._unit or "kg"


def _when(one: tuple[Moment, Set]) -> float:
    return instant(one[0])


def _exercise(block: _Block) -> Exercise:
    in_order = sorted(block.sets, key=_when)
    return Exercise(block.name, "\n".join(block.notes), sets=tuple(one for _, one in in_order))

"""The fields of the sets of a group, and their limits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

from gymlocker.v2 import training_pb2

from server.programs.client.notation.errors import NotationError, Span

Field: TypeAlias = Literal[
    "kind", "reps", "distance", "duration_seconds", "rpe", "completed", "notes"
]
WEIGHTS = ("kg", "lb")
DISTANCES = ("m", "km", "mi", "yd")
SECONDS = {"s": 1, "min": 60, "h": 3600}
MAX_WEIGHT = 10_000
MAX_REPS = 10_000
MAX_DISTANCE = 10_000_000
MAX_SECONDS = 604_800
MAX_SETS = 100
MAX_RPE = 10


class SetBuilder:
    """The sets of a group. All of them have its `weight` and `kind`.

    The other fields are set on the current run: one set, or the three of `3x5`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._sets: list[training_pb2.WorkoutSet] = []
        self.run: Sequence[training_pb2.WorkoutSet] = ()
        self.weight: training_pb2.SetWeight | None = None
        self.kind: str | None = None

    def build(self) -> list[training_pb2.WorkoutSet]:
        """Return the sets: at least one."""
        if not self._sets:
            self.begin(1)
        for each in self._sets:
            if self.kind is not None and not each.HasField("kind"):
                each.kind = self.kind
            if self.weight is not None:
                each.weight.CopyFrom(self.weight)
        return self._sets

    def begin(self, count: int) -> None:
        """Begin a run of sets."""
        self.run = [training_pb2.WorkoutSet() for _ in range(count)]
        self._sets += self.run

    def has(self, field: Field) -> bool:
        """Check whether the sets of the run have a field."""
        return any(each.HasField(field) for each in self.run)

    def set_weight(self, span: Span, value: Decimal, unit: str) -> None:
        """Set the weight of all sets."""
        if self.weight is not None:
            raise self.error(span, "This is a second weight: put a comma between the sets.")
        if abs(value) > MAX_WEIGHT:
            raise self.error(span, f"A weight is at most {MAX_WEIGHT:,}: write it smaller.")
        self.weight = training_pb2.SetWeight(value=float(value), unit=unit)

    def set_reps(self, span: Span, value: Decimal) -> None:
        """Set the repetitions of the run."""
        reps = self.whole(span, value, 0, MAX_REPS, "repetitions")
        for each in self._fresh("reps", span, "number of repetitions"):
            each.reps = reps

    def set_distance(self, span: Span, value: Decimal, unit: str) -> None:
        """Set the distance of the run."""
        if not 0 <= value <= MAX_DISTANCE:
            raise self.error(span, f"A distance is 0 to {MAX_DISTANCE:,}: correct it.")
        for each in self._fresh("distance", span, "distance"):
            each.distance.value = float(value)
            each.distance.unit = unit

    def set_duration(self, span: Span, value: Decimal, unit: str = "s") -> None:
        """Set the duration of the run."""
        seconds = self.whole(span, value * SECONDS[unit], 0, MAX_SECONDS, "seconds")
        for each in self._fresh("duration_seconds", span, "duration"):
            each.duration_seconds = seconds

    def set_rpe(self, span: Span, value: Decimal) -> None:
        """Set the rate of perceived exertion of the run."""
        if value % Decimal("0.5") or not 1 <= value <= MAX_RPE:
            raise self.error(span, "An RPE is 1 to 10 in halves: write it as @8 or @8.5.")
        for each in self._fresh("rpe", span, "RPE"):
            each.rpe = float(value)

    def set_kind(self, span: Span, kind: str) -> None:
        """Set the kind of the run, or of all sets if there is no run yet."""
        if not self.run:
            if self.kind is not None:
                raise self.error(
                    span, "This is a second kind of set: put a comma between the sets."
                )
            self.kind = kind
            return
        for each in self._fresh("kind", span, "kind of set"):
            each.kind = kind

    def set_completed(self, span: Span, *, completed: bool) -> None:
        """Set whether the run was done."""
        for each in self._fresh("completed", span, "`done` or `skipped`"):
            each.completed = completed

    def set_notes(self, span: Span, notes: str) -> None:
        """Set the notes on the run."""
        for each in self._fresh("notes", span, "note"):
            each.notes = notes

    def whole(self, span: Span, value: Decimal, least: int, most: int, noun: str) -> int:
        """Return a whole number within limits. Raises NotationError."""
        if value % 1:
            raise self.error(
                span,
                f"This is not a whole number of {noun}: put a space after a comma between sets.",
            )
        if not least <= value <= most:
            raise self.error(span, f"There can be {least:,} to {most:,} {noun}: correct it.")
        return int(value)

    def error(self, span: Span, message: str) -> NotationError:
        """Return the error that points at a place."""
        return NotationError(self._text, span, message)

    def _fresh(self, field: Field, span: Span, noun: str) -> Sequence[training_pb2.WorkoutSet]:
        """Return the run, which must not have the field yet."""
        if self.has(field):
            raise self.error(span, f"This is a second {noun}: put a comma between the sets.")
        if not self.run:
            self.begin(1)
        return self.run

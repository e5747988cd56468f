"""The measurements of a set: weight, repetitions, distance, time and exertion."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from server.services.workout.formats.cells.durations import NotADuration, seconds_of, to_whole
from server.services.workout.formats.cells.numbers import NotANumber, Numbers
from server.services.workout.formats.cells.quantities import Quantity, number
from server.services.workout.formats.cells.units import SECONDS, spelling
from server.services.workout.formats.model import BadCell, quoted
from server.services.workout.formats.table import Header, Row
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import MAX_REPS, MAX_RPE, MAX_SECONDS, MIN_RPE, Set


class Measures:
    """A reader of the columns of a set.

    `times` are names of columns with durations, `time_unit` names the column of their unit.
    `keeps_zero` is true if the app leaves the cell of a weight empty that was not measured.
    """

    def __init__(
        self,
        header: Header,
        numbers: Numbers,
        warnings: Warnings,
        weight: Quantity,
        distance: Quantity,
        *,
        times: tuple[str, ...],
        time_unit: str = "",
        keeps_zero: bool = False,
    ) -> None:
        self._numbers, self._warnings = numbers, warnings
        self._weight, self._distance, self._keeps_zero = weight, distance, keeps_zero
        columns = header.columns
        self._times = [columns[name] for name in times if name in columns]
        self._reps, self._rpe, self._rir, self._time_unit = map(
            columns.get, ("reps", "rpe", "rir", time_unit)
        )
        indexes = {*weight.indexes, *distance.indexes}
        self.columns = (
            *(name for name, index in columns.items() if index in indexes),
            *(*times, time_unit, "reps", "rpe", "rir"),
        )

    def read(self, row: Row) -> Set | None:
        """Return the set of a row without kind and notes; None if it is empty. Raises BadCell."""
        weight, weight_unit = self._weight.read(row, self._numbers, self._warnings)
        distance, distance_unit = self._distance.read(row, self._numbers, self._warnings)
        duration = next(filter(None, self._durations(row)), None)
        reps = self._repetitions(row)
        if not weight and not (self._keeps_zero and weight is not None):
            weight = weight_unit = None
        if not distance:
            distance = distance_unit = None
        # Apps write 0 for repetitions that were not counted.
        if not reps and (distance or duration):
            reps = None
        if not (weight or distance or duration or reps):
            return None
        rpe = self._exertion(row)
        return Set(None, reps, weight, weight_unit, distance, distance_unit, duration, rpe)

    def _repetitions(self, row: Row) -> int | None:
        if self._reps is None:
            return None
        value = number(row, self._reps, self._numbers)
        if value is None:
            return None
        return whole(value, row, self._reps)

    def _durations(self, row: Row) -> Iterator[int]:
        for index in self._times:
            title = row.header.title(index)
            seconds = self._seconds(row, index, title)
            if not 0 <= seconds <= MAX_SECONDS:
                raise BadCell(title, f"must be from 0 to {MAX_SECONDS:,} seconds (a week)")
            yield seconds

    def _seconds(self, row: Row, index: int, title: str) -> int:
        text = row.cells[index]
        unit = "" if self._time_unit is None else spelling(row.cells[self._time_unit])
        if unit not in SECONDS and text.strip():
            raise BadCell("Duration Unit", f"{quoted(unit)} is not a unit of time such as s or min")
        try:
            if SECONDS.get(unit, 1) > 1:
                return to_whole((self._numbers.exact(text) or Decimal()) * SECONDS[unit])
            return seconds_of(text, self._numbers)
        except (NotADuration, NotANumber):
            problem = f"{quoted(text.strip())} is not a duration such as 90 or 1:30"
            raise BadCell(title, problem) from None

    def _exertion(self, row: Row) -> float | None:
        """Return the RPE, or 10 minus the repetitions in reserve, in halves."""
        for index, left in ((self._rpe, False), (self._rir, True)):
            value = None if index is None else number(row, index, self._numbers)
            if value is None or index is None or (not value and not left):
                continue
            rpe = MAX_RPE - value if left else value
            if MIN_RPE <= rpe <= MAX_RPE:
                return float((rpe * 2).quantize(Decimal(1), ROUND_HALF_UP) / 2)
            title = row.header.title(index)
            self._warnings.add(
                f"{title}: values out of range were left out; the RPE is {MIN_RPE} to {MAX_RPE}",
                row.line,
            )
        return None


def whole(value: Decimal, row: Row, index: int) -> int:
    """Return the repetitions in a cell. Raises BadCell."""
    if not 0 <= value <= MAX_REPS or value != int(value):
        problem = f"must be a whole number from 0 to {MAX_REPS:,}"
        raise BadCell(row.header.title(index), f"{quoted(row.cells[index])} {problem}")
    return int(value)

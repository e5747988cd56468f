"""The columns of weights and distances, with the units that a file gives them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from server.services.workout.formats.cells.numbers import NotANumber, Numbers, rounded
from server.services.workout.formats.cells.units import DISTANCES, WEIGHTS, spelling
from server.services.workout.formats.model import BadCell, ReadOptions, UnreadableFile, quoted
from server.services.workout.formats.table import Header, Row
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import KILOGRAMS, MAX_DISTANCE, MAX_WEIGHT

# Kilograms by which two columns of a weight may differ: apps round both.
_TOLERANCE = Decimal("0.25")
_Units = Mapping[str, tuple[str, Decimal]]


@dataclass(slots=True)
class Quantity:
    """Columns of a quantity: their indexes, and units by title ("" if it names none).

    The cell `unit_index` of a row takes precedence. `default` applies where a row has no unit;
    `assumed` is the warning about that. `forced` overrides all units.
    """

    units: _Units
    columns: list[tuple[int, str]]
    unit_index: int | None
    minimum: int
    maximum: int
    default: str = ""
    assumed: str = ""
    forced: str = ""

    def settle(self, unit: str, name: str) -> None:
        """Read values without a unit in `unit`, whose full name is `name`."""
        self.default = unit
        self.assumed = f"The file does not name the unit of its distances; they were read as {name}"

    @property
    def indexes(self) -> list[int]:
        """Return the indexes of all columns."""
        values = [index for index, _ in self.columns]
        return values if self.unit_index is None else [*values, self.unit_index]

    def read(
        self, row: Row, numbers: Numbers, warnings: Warnings
    ) -> tuple[float, str] | tuple[None, None]:
        """Return the first value that is not 0 with its unit, or else a 0. Raises BadCell."""
        found: tuple[float, str] | tuple[None, None] = (None, None)
        for index, of_title in self.columns:
            value = number(row, index, numbers)
            if value is None or (found[0] is not None and not value):
                continue
            unit, factor = self._unit(row, of_title) if value else (self.default, Decimal(1))
            if not unit:
                unit, factor = self.units[self.default]
                if self.assumed:
                    warnings.add(self.assumed)
            exact = rounded(value * factor) if factor != 1 else value
            if not self.minimum <= exact <= self.maximum:
                limits = f"{self.minimum:,} to {self.maximum:,}"
                raise _bad(row, index, f"is not from {limits}")
            # There is no negative zero.
            found = (float(exact) + 0.0, unit)
            if value:
                break
        return found

    def _unit(self, row: Row, of_title: str) -> tuple[str, Decimal]:
        if self.forced:
            return self.forced, Decimal(1)
        if self.unit_index is None or not (cell := row.cells[self.unit_index].strip()):
            return self.units.get(of_title, ("", Decimal(1)))
        if unit := self.units.get(spelling(cell)):
            return unit
        raise _bad(row, self.unit_index, "is not a unit that is known, such as kg, lb, km or mi")


def number(row: Row, index: int, numbers: Numbers) -> Decimal | None:
    """Return the number in a cell; None if it is empty. Raises BadCell."""
    try:
        return numbers[row.cells[index]]
    except NotANumber:
        raise _bad(row, index, "is not a number") from None


def weights(header: Header, extra: Iterable[tuple[str, str]] = ()) -> Quantity:
    """Return the weights of a table; `extra` are names of columns with units."""
    return _quantity(header, "weight", WEIGHTS, extra, -MAX_WEIGHT, MAX_WEIGHT)


def distances(header: Header, extra: Iterable[tuple[str, str]] = ()) -> Quantity:
    """Return the distances of a table; `extra` are names of columns with units."""
    return _quantity(header, "distance", DISTANCES, extra, 0, MAX_DISTANCE)


def _quantity(
    header: Header,
    name: str,
    units: _Units,
    extra: Iterable[tuple[str, str]],
    minimum: int,
    maximum: int,
) -> Quantity:
    columns = [
        (header.columns[title], spelling(unit)) for title, unit in (*header.units(name), *extra)
    ]
    return Quantity(
        units,
        # A column in another unit is not read.
        [(index, unit) for index, unit in columns if not unit or unit in units],
        header.columns.get(f"{name} unit"),
        minimum,
        maximum,
    )


def settle_weights(
    weight: Quantity, cells: Iterable[tuple[str, ...]], numbers: Numbers, options: ReadOptions
) -> None:
    """Choose the units of weights that a file does not name, or names in two ways.

    `cells` are those of `weight.indexes`. Raises UnreadableFile if they contradict one another and
    the options do not decide.
    """
    given = options.weight_unit
    weight.default = given or "kg"
    if not given:
        weight.assumed = (
            "The file does not name the unit of its weights, so they were read as kg. If they are "
            "pounds, import it again with unit=lb"
        )
    if any(_contradict(weight, one, numbers) for one in cells):
        if not given:
            raise UnreadableFile(
                "The file names two units of the same weight. Import it again with unit=kg or "
                "unit=lb."
            )
        of_unit = [one for one in weight.columns if _weight_unit(one[1]) == given]
        weight.columns, weight.forced = of_unit or weight.columns, given


def _contradict(weight: Quantity, cells: tuple[str, ...], numbers: Numbers) -> bool:
    """Check whether the cells of a row give a weight two units or two values."""
    try:
        values = [numbers[text] for text in cells[: len(weight.columns)]]
    except NotANumber:
        return False
    pairs = zip(values, weight.columns, strict=True)
    found = [(value, _weight_unit(unit)) for value, (_, unit) in pairs if value]
    of_row = _weight_unit(spelling(cells[-1])) if weight.unit_index is not None else ""
    if of_row and any(unit not in ("", of_row) for _, unit in found):
        return True
    kilograms = [value * KILOGRAMS[unit] for value, unit in found if unit]
    return bool(kilograms) and max(kilograms) - min(kilograms) > _TOLERANCE


def _weight_unit(unit: str) -> str:
    return WEIGHTS.get(unit, ("",))[0]


def _bad(row: Row, index: int, problem: str) -> BadCell:
    return BadCell(row.header.title(index), f"{quoted(row.cells[index].strip())} {problem}")

"""A first reading of a table: what its columns contain as a whole."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from operator import itemgetter

from server.services.workout.formats.table import Table


@dataclass(slots=True)
class Survey:
    """Distinct cells of a table.

    `dates` are in the order of the rows. `numbers` are those with a comma or a point. `together`
    has cells of the same row, `orders` numbers of sets. `not_read` are titles of columns that have
    a value and are not used.
    """

    dates: dict[str, None] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    together: set[tuple[str, ...]] = field(default_factory=set)
    orders: set[str] = field(default_factory=set)
    not_read: list[str] = field(default_factory=list)


def survey(
    table: Table,
    *,
    dates: Iterable[str],
    numbers: Iterable[str],
    indexes: Iterable[int] = (),
    together: Collection[int] = (),
    order: str = "",
    used: Iterable[str] = (),
) -> Survey:
    """Read all rows for the columns `dates`, `numbers` and `order`.

    The columns `indexes` and `together` have numbers, too; the latter are kept row by row. Columns
    that are in none of them and not in `used` count as not read.
    """
    columns = table.header.columns
    date_indexes = [columns[name] for name in dates if name in columns]
    number_indexes = {columns[name] for name in numbers if name in columns}
    number_indexes |= {*indexes, *together}
    order_index = columns.get(order)
    known = {columns[name] for name in (order, *used) if name in columns}
    known |= {*date_indexes, *number_indexes}
    watched = set(range(len(table.header.titles))) - known
    of_row = itemgetter(*together) if len(together) > 1 else None
    result = Survey()
    texts: set[str] = set()
    filled: set[int] = set()
    for _, cells in table.records():
        if isinstance(cells, str):
            continue
        for index in date_indexes:
            result.dates[cells[index]] = None
        for index in number_indexes:
            texts.add(cells[index])
        if order_index is not None:
            result.orders.add(cells[order_index])
        if of_row:
            result.together.add(of_row(cells))
        for index in watched - filled if watched else ():
            if cells[index] and not cells[index].isspace():
                filled.add(index)
    result.numbers = {text for text in texts if "," in text or "." in text or not text.isascii()}
    result.not_read = table.header.some_titles(filled)
    return result

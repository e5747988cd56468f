"""Reading a file as a table: encoding, delimiter, header, and rows with their line numbers.

RFC 4180 with the variants of spreadsheets: UTF-16, semicolons or tabs, `sep=;` on the first line,
any line endings.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO

from server.services.workout.formats.model import Problem, UnreadableFile

# Takes a few seconds of a core.
MAX_LINES = 250_000

_DELIMITERS = (",", ";", "\t")
# The first line by which Excel declares the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?(?:\r\n|\n|\r|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The column titles as written in the file, without surrounding spaces and quotes."""

    titles: tuple[str, ...]

    @cached_property
    def columns(self) -> dict[str, int]:
        """Return the index of each column by its lower-case title."""
        indexes: dict[str, int] = {}
        for index, title in enumerate(self.titles):
            indexes.setdefault(title.lower(), index)
        return indexes

    def has(self, names: Iterable[str]) -> bool:
        """Check whether all columns `names` exist."""
        return all(name in self.columns for name in names)

    def title(self, name: str) -> str:
        """Return the title of the column `name` as written in the file."""
        return self.titles[self.columns[name]] if name in self.columns else name

    def units(self, quantity: str) -> list[tuple[str, str]]:
        """Return the columns of `quantity` with units: `weight (kg)`, `weight_kg` or `weight`."""
        pattern = re.compile(rf"{quantity}(?: ?\((.*)\)|_(.*))?", re.IGNORECASE)
        matches = [pattern.fullmatch(title) for title in self.titles]
        return [(match[0].lower(), match[1] or match[2] or "") for match in matches if match]


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a cell for each column; it begins on `line`."""

    line: int
    cells: list[str]
    header: Header

    def __getitem__(self, name: str) -> str:
        """Return the stripped cell of a column; "" if the column is missing."""
        index = self.header.columns.get(name)
        return "" if index is None else self.cells[index].strip()


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows after it; a Problem takes the place of an unreadable row."""

    header: Header
    rows: Iterator[Row | Problem]


def read_table(data: bytes) -> Table:
    """Return the table in a file. Raises UnreadableFile."""
    text = _decoded(data)
    if not text.strip():
        raise UnreadableFile("The file is empty. Choose a file that has at least a header line.")
    delimiters: tuple[str, ...] = _DELIMITERS
    line = 1
    if separator := _SEPARATOR_LINE.match(text):
        delimiters = (separator[1],)
        text = text[separator.end() :]
        line = 2
    tables = [table for one in delimiters if (table := _table(text, one, line))]
    if not tables:
        raise UnreadableFile("The header line cannot be read. Save the file as CSV again.")
    return max(tables, key=lambda table: len(table.header.titles))


def _decoded(data: bytes) -> str:
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(
            "The file is neither UTF-8 nor UTF-16. Save it as CSV in UTF-8."
        ) from None


def _table(text: str, delimiter: str, line: int) -> Table | None:
    """Return the table with this `delimiter`; None if its header cannot be parsed."""
    records = _records(text, delimiter, line)
    _, titles = next(records, (line, ""))
    if isinstance(titles, str):
        return None
    header = Header(tuple(title.strip().strip('"').strip() for title in titles))
    return Table(header, _rows(records, header))


def _rows(
    records: Iterator[tuple[int, list[str] | str]], header: Header
) -> Iterator[Row | Problem]:
    expected = len(header.titles)
    for line, cells in records:
        if isinstance(cells, str):
            yield Problem(line, cells)
        elif len(cells) != expected:
            yield Problem(
                line,
                f"The row must have as many fields as the header ({expected}), not {len(cells)}.",
            )
        else:
            yield Row(line, cells, header)


def _records(text: str, delimiter: str, line: int) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the first line and the fields of each record that is not blank, or a problem as text.

    Line endings within quotes stay as they are.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    offset = line
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message, is_fatal = _explain(error)
            yield line, message
            if is_fatal:
                return
        else:
            if any(cell and not cell.isspace() for cell in cells):
                yield line, cells
        line = offset + reader.line_num
        if line > MAX_LINES:
            raise UnreadableFile(
                f"The file has more than {MAX_LINES:,} lines. Split it and repeat the header line "
                "in each part."
            )


def _explain(error: csv.Error) -> tuple[str, bool]:
    """Return a sentence for `error`, and whether the rest of the file is unreadable."""
    if "end of data" in str(error):
        return "The quote that opens here is never closed; nothing after it was read.", True
    if "field limit" in str(error):
        most = f"{csv.field_size_limit():,}"
        return f"A field has more than {most} characters; nothing after it was read.", True
    return "A closing quote is followed by text; double the quotes within a field.", False

"""A file as a table: its encoding, its delimiter, its header, and its rows with their lines.

It is RFC 4180 with what spreadsheets make of it: UTF-16, semicolons or tabs, `sep=;` on the first
line, any line ends.
"""

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO

from server.services.workout.formats.model import Problem, UnreadableFile

# A few seconds of a core.
MAX_LINES = 250_000

_DELIMITERS = (",", ";", "\t")
# Excel's own way to tell the delimiter, as the whole first line.
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?(?:\r\n|\n|\r|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The titles of the columns as they are in the file, without spaces and quotes around them."""

    titles: tuple[str, ...]

    @cached_property
    def columns(self) -> dict[str, int]:
        """Where each column is, by its title in small letters."""
        places: dict[str, int] = {}
        for index, title in enumerate(self.titles):
            places.setdefault(title.lower(), index)
        return places

    def has(self, names: Iterable[str]) -> bool:
        """Whether there is a column for each of `names`."""
        return all(name in self.columns for name in names)

    def title(self, name: str) -> str:
        """The column `name` as the file writes it."""
        return self.titles[self.columns[name]] if name in self.columns else name

    def units(self, quantity: str) -> list[tuple[str, str]]:
        """The columns of `quantity` and their units: of `weight (kg)`, `weight_kg` or `weight`."""
        pattern = re.compile(rf"{quantity}(?: ?\((.*)\)|_(.*))?", re.IGNORECASE)
        matches = [pattern.fullmatch(title) for title in self.titles]
        return [(match[0].lower(), match[1] or match[2] or "") for match in matches if match]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that has a cell for each column; `line` is where it begins."""

    line: int
    cells: list[str]
    header: Header

    def __getitem__(self, name: str) -> str:
        """The cell of a column without spaces around it; "" if there is no such column."""
        index = self.header.columns.get(name)
        return "" if index is None else self.cells[index].strip()


@dataclass(frozen=True, slots=True)
class Table:
    """A header, and what follows it: rows, and what is wrong with those that cannot be read."""

    header: Header
    rows: Iterator[Row | Problem]


def read_table(data: bytes) -> Table:
    """Finds the table in a file. Raises UnreadableFile."""
    text = _decoded(data)
    if not text.strip():
        raise UnreadableFile("The file is empty; choose a file with at least a header line.")
    delimiters: tuple[str, ...] = _DELIMITERS
    line = 1
    if separator := _SEPARATOR_LINE.match(text):
        delimiters = (separator[1],)
        text = text[separator.end() :]
        line = 2
    tables = [table for one in delimiters if (table := _table(text, one, line))]
    if not tables:
        raise UnreadableFile("The header line cannot be read; save the file as CSV once more.")
    return max(tables, key=lambda table: len(table.header.titles))


def _decoded(data: bytes) -> str:
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(
            "The file is neither UTF-8 nor UTF-16; save it as CSV with the encoding UTF-8."
        ) from None


def _table(text: str, delimiter: str, line: int) -> Table | None:
    """The table if fields end with `delimiter`, None if it has no header then."""
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
                line, f"The number of fields is {len(cells)}, but the header has {expected}."
            )
        else:
            yield Row(line, cells, header)


def _records(text: str, delimiter: str, line: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each record that is not blank and the line where it begins; a text says what is wrong.

    Lines are cut here as the csv module wants them: an end of line within quotes stays as it is.
    """
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    offset = line
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message, lost = _explained(error)
            yield line, message
            if lost:
                return
        else:
            if any(cell and not cell.isspace() for cell in cells):
                yield line, cells
        line = offset + reader.line_num
        if line > MAX_LINES:
            raise UnreadableFile(
                f"The file has more than {MAX_LINES:,} lines; divide it, each part with the "
                "header line."
            )


def _explained(error: csv.Error) -> tuple[str, bool]:
    """A sentence for `error`, and whether one cannot tell anymore what is within quotes."""
    if "end of data" in str(error):
        return "A quote that opens here is never closed, so nothing after it was read.", True
    if "field limit" in str(error):
        most = f"{csv.field_size_limit():,}"
        return f"A field has more than {most} characters, so nothing after it was read.", True
    return "Something follows a closing quote; double the quotes within it.", False

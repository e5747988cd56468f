"""Reading a file as a table: encoding, delimiter, header, and rows with their line numbers.

RFC 4180 with the variants of spreadsheets: UTF-16, semicolons or tabs, `sep=;` on the first line,
any line endings. Rows are decoded while they are read, so a file is never in memory as a whole.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import BinaryIO

from server.services.workout.formats.model import Problem, UnreadableFile

# Takes a few seconds of a core.
MAX_LINES = 250_000
# In characters. Bounds the memory of a file without line endings.
MAX_LINE = 1024 * 1024

_DELIMITERS = (",", ";", "\t")
# The first line by which Excel declares the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?[\r\n]*', re.IGNORECASE)
_UNIT = r"(?: ?\((.*)\)|_(.*))?"
# Of a title in messages, and of the titles in a response.
_MAX_TITLE_CHARACTERS = 100
_MAX_TITLES = 100


@dataclass(frozen=True)
class Header:
    """The column titles as written in the file, without surrounding spaces and quotes.

    `names` are the titles by which readers know the columns: English, in lower case.
    """

    titles: tuple[str, ...]
    names: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> dict[str, int]:
        """Return the index of each column by its name."""
        indexes: dict[str, int] = {}
        for index, name in enumerate(self.names or map(str.lower, self.titles)):
            indexes.setdefault(name, index)
        return indexes

    def has(self, names: Iterable[str]) -> bool:
        """Check whether all columns `names` exist."""
        return all(name in self.columns for name in names)

    def title(self, column: str | int) -> str:
        """Return the title of a column, given its name or index, as messages show it."""
        index = self.columns.get(column) if isinstance(column, str) else column
        return str(column) if index is None else self.titles[index][:_MAX_TITLE_CHARACTERS]

    def some_titles(self, indexes: Iterable[int]) -> list[str]:
        """Return the titles of columns in their order, at most 100, as messages show them."""
        return [self.title(index) for index in sorted(indexes)[:_MAX_TITLES]]

    def units(self, quantity: str) -> list[tuple[str, str]]:
        """Return the columns of `quantity` with units: `weight (kg)`, `weight_kg` or `weight`."""
        # Anchored, for a title may have a hundred thousand characters.
        pattern = re.compile(re.escape(quantity) + _UNIT, re.DOTALL)
        matches = [(name, pattern.fullmatch(name)) for name in self.columns]
        return [(name, match[1] or match[2] or "") for name, match in matches if match]


@dataclass(slots=True)
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
class _Source:
    """A file of records, of which the first `skipped` lines are not part of the table."""

    file: BinaryIO
    encoding: str
    skipped: int

    def records(self, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
        """Yield the first line and the fields of each record that is not blank.

        A problem, as a text, takes the place of an unreadable record. Line endings within quotes
        stay as they are. Raises UnreadableFile.
        """
        self.file.seek(0)
        text = io.TextIOWrapper(self.file, self.encoding, newline="")
        try:
            yield from self._read(text, delimiter)
        except UnicodeError:
            raise UnreadableFile(
                "The file is neither UTF-8 nor UTF-16. Save it as CSV in UTF-8."
            ) from None
        finally:
            # The file stays open, unless its owner has already closed it.
            with suppress(ValueError):
                text.detach()

    def _read(
        self, text: io.TextIOWrapper, delimiter: str
    ) -> Iterator[tuple[int, list[str] | str]]:
        for _ in range(self.skipped):
            text.readline()
        first = line = self.skipped + 1
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        while True:
            try:
                for cells in reader:
                    if _has_text(cells):
                        yield line, cells
                    line = first + reader.line_num
                return
            except csv.Error as error:
                message, is_fatal = _explain(error)
                yield line, message
                if is_fatal:
                    return
                line = first + reader.line_num


@dataclass(frozen=True, slots=True)
class Table:
    """A header and the rows after it."""

    header: Header
    delimiter: str
    source: _Source

    def records(self) -> Iterator[tuple[int, list[str] | str]]:
        """Read the first line and the cells of each row from the beginning.

        A problem, as a text, takes the place of an unreadable row. Raises UnreadableFile where the
        rest of the file cannot be read. Only the records that were requested last can be read on.
        """
        expected = len(self.header.titles)
        records = self.source.records(self.delimiter)
        next(records)
        for line, cells in records:
            if len(cells) == expected or isinstance(cells, str):
                yield line, cells
            else:
                expectation = f"as many fields as the header ({expected}), not {len(cells)}"
                yield line, f"The row must have {expectation}."

    @property
    def rows(self) -> Iterator[Row | Problem]:
        """Read the rows as `records` does."""
        for line, cells in self.records():
            if isinstance(cells, str):
                yield Problem(line, cells)
            else:
                yield Row(line, cells, self.header)


def read_table(file: BinaryIO) -> Table:
    """Return the table in a file. Raises UnreadableFile."""
    file.seek(0)
    start = file.read(256)
    utf_16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf_16 else "utf-8-sig"
    # Half a character may be at the end.
    first = re.match("[^\r\n]*", start.decode(encoding, errors="ignore"))
    delimiters: tuple[str, ...] = _DELIMITERS
    separator = first and _SEPARATOR_LINE.fullmatch(first[0])
    if separator:
        delimiters = (separator[1],)
    source = _Source(file, encoding, 1 if separator else 0)
    headers = [next(source.records(delimiter), None) for delimiter in delimiters]
    if not separator and not any(headers):
        raise UnreadableFile("The file is empty. Choose a file that has at least a header line.")
    tables = [
        Table(Header(tuple(title.strip().strip('"').strip() for title in found[1])), one, source)
        for one, found in zip(delimiters, headers, strict=True)
        if found and not isinstance(found[1], str)
    ]
    if not tables:
        raise UnreadableFile("The header line cannot be read. Save the file as CSV again.")
    return max(tables, key=lambda table: len(table.header.titles))


def _has_text(cells: list[str]) -> bool:
    first = cells[0] if cells else ""
    return bool(first and not first.isspace()) or any(map(str.strip, cells))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, MAX_LINE), ""), start=1):
        if len(line) == MAX_LINE:
            raise UnreadableFile(
                f"Line {number:,} has more than {MAX_LINE:,} characters. Choose a file with a line "
                "for each row."
            )
        if number > MAX_LINES:
            raise UnreadableFile(
                f"The file has more than {MAX_LINES:,} lines. Split it and repeat the header line "
                "in each part."
            )
        yield line


def _explain(error: csv.Error) -> tuple[str, bool]:
    """Return a sentence for `error`, and whether the rest of the file is unreadable."""
    if "end of data" in str(error):
        return "The quote that opens here is never closed; nothing after it was read.", True
    if "field limit" in str(error):
        most = f"{csv.field_size_limit():,}"
        return f"A field has more than {most} characters; nothing after it was read.", True
    return "A closing quote is followed by text; double the quotes within a field.", False

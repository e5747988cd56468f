"""The columns of a table that hold something, but are not read."""

from collections.abc import Collection

from server.services.workout.formats.table import Header, Row


class UnreadColumns:
    """The titles of the columns beside those `read` (in lower case), as rows are seen."""

    def __init__(self, header: Header, read: Collection[str]) -> None:
        self._header = header
        known = {header.columns[column] for column in read if column in header.columns}
        self._empty = [index for index in range(len(header.titles)) if index not in known]
        self._found: set[int] = set()

    def see(self, row: Row) -> None:
        """Take note of the columns in which the row has something."""
        for index in self._empty:
            if row.cells[index].strip():
                self._found.add(index)
        if not self._found.isdisjoint(self._empty):
            self._empty = [index for index in self._empty if index not in self._found]

    @property
    def titles(self) -> list[str]:
        """Return the titles in the order of the columns, as messages show them."""
        return self._header.some_titles(self._found)

"""Reading a file of workouts from Gymlocker or another app; the format is detected."""

import re
from typing import BinaryIO

from server.services.workout.formats.apps import fitnotes, hevy, strong, stronglifts
from server.services.workout.formats.apps.strong_header import translated
from server.services.workout.formats.liftlog import backup
from server.services.workout.formats.liftlog import csv_reader as liftlog_csv
from server.services.workout.formats.model import Format, ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.own import csv_reader as own_csv
from server.services.workout.formats.own import json_reader
from server.services.workout.formats.table import Header, Table, read_table

GZIP = b"\x1f\x8b"
_JSON = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*[\[{]")
_START = 64 * 1024

# The required columns of each format, compared without case. The order matters: a file of another
# app might contain all of our columns.
_COLUMNS = {
    Format.HEVY: (hevy.COLUMNS,),
    Format.STRONG: (strong.COLUMNS,),
    Format.STRONGLIFTS: (stronglifts.COLUMNS,),
    Format.FITNOTES: (fitnotes.COLUMNS, fitnotes.COLUMNS_WITH_NAMES),
    Format.LIFTLOG: (liftlog_csv.COLUMNS,),
    Format.GYMLOCKER: own_csv.LAYOUTS,
}
_NAMES = {
    Format.GYMLOCKER: "Gymlocker",
    Format.STRONG: "Strong",
    Format.HEVY: "Hevy",
    Format.FITNOTES: "FitNotes",
    Format.STRONGLIFTS: "StrongLifts",
    Format.LIFTLOG: "LiftLog",
}


def read_file(file: BinaryIO, *, format: Format | None, options: ReadOptions) -> ReadFile:  # noqa: A002
    """Read every valid workout of a seekable file, and list the problems of the others.

    Without `format` it is detected. Raises UnreadableFile, and nothing else, for any contents;
    OSError if there is no room for a temporary file.
    """
    file.seek(0)
    start = file.read(_START)
    file.seek(0)
    if start.startswith(GZIP):
        _require(Format.LIFTLOG, format, "a compressed backup of LiftLog")
        return backup.read(file, options)
    if _JSON.match(start):
        _require(Format.GYMLOCKER, format, "JSON, in which only Gymlocker exports")
        return json_reader.read(file, options)
    detected, table = _detected(read_table(file), format)
    match detected:
        case Format.GYMLOCKER:
            return own_csv.read(table, options)
        case Format.LIFTLOG:
            return liftlog_csv.read(table, options)
        case Format.STRONG:
            return strong.read(table, options)
        case Format.HEVY:
            return hevy.read(table, options)
        case Format.FITNOTES:
            return fitnotes.read(table, options)
        case Format.STRONGLIFTS:
            return stronglifts.read(table, options)


def _require(found: Format, requested: Format | None, contents: str) -> None:
    if requested not in (None, found):
        raise UnreadableFile(
            f"The file is {contents}. Import it without a format, or with format={found.value}."
        )


def _detected(table: Table, requested: Format | None) -> tuple[Format, Table]:
    """Return the format and the table with the names of columns that its reader knows."""
    for known in _COLUMNS:
        if requested in (None, known) and (named := _named(table, known)):
            return known, named
    # Last, because it depends on the contents of rows.
    if requested in (None, Format.STRONG) and (named := translated(table, strong.COLUMNS)):
        return Format.STRONG, named
    raise _unknown(table.header, requested)


def _named(table: Table, known: Format) -> Table | None:
    if known is Format.STRONGLIFTS:
        table = stronglifts.renamed(table)
    return table if any(table.header.has(columns) for columns in _COLUMNS[known]) else None


def _unknown(header: Header, requested: Format | None) -> UnreadableFile:
    if requested is None:
        headers = "; ".join(f"{name}: {_headers(known)}" for known, name in _NAMES.items())
        return UnreadableFile(
            "The header line matches no known format. Set the app's language to English and "
            f"export again with these columns. {headers}."
        )
    missing = ", ".join(name for name in _COLUMNS[requested][0] if name not in header.columns)
    return UnreadableFile(
        f"The file is not an export of {_NAMES[requested]}: column missing: {missing}. "
        f"Required: {_headers(requested)}."
    )


def _headers(format_: Format) -> str:
    return " or ".join(", ".join(columns) for columns in _COLUMNS[format_])

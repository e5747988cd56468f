"""Reading a file of workouts from Gymlocker or another app; the format is detected."""

from typing import BinaryIO

from server.services.workout.formats import fitnotes, gymlocker, hevy, strong
from server.services.workout.formats.model import Format, ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.table import Header, read_table

# The required columns of each format, compared without case. The order matters: a file of another
# app might contain all of our columns.
_COLUMNS = {
    Format.HEVY: (hevy.COLUMNS,),
    Format.STRONG: (strong.COLUMNS,),
    Format.FITNOTES: (fitnotes.COLUMNS, fitnotes.COLUMNS_WITH_NAMES),
    Format.GYMLOCKER: (gymlocker.COLUMNS,),
}
_NAMES = {
    Format.GYMLOCKER: "Gymlocker",
    Format.STRONG: "Strong",
    Format.HEVY: "Hevy",
    Format.FITNOTES: "FitNotes",
}


def read_file(
    file: BinaryIO,
    *,
    format: Format | None,
    options: ReadOptions,
) -> ReadFile:
    """Read every valid workout of a file, and list the problems of the others.

    Without `format` it is detected by the header. `default_duration`, in minutes, applies to
    workouts without a duration. Raises UnreadableFile, and nothing else, for any `data`.
    """
    table = read_table(file.read())
    default_duration = options.default_duration
    detected = _checked(table.header, format) if format else _detected(table.header)
    match detected:
        case Format.GYMLOCKER:
            return gymlocker.read(table)
        case Format.STRONG:
            return strong.read(table, default_duration)
        case Format.HEVY:
            return hevy.read(table, default_duration)
        case Format.FITNOTES:
            return fitnotes.read(table, default_duration)
    raise UnreadableFile("not yet")


def _checked(header: Header, format_: Format) -> Format:
    if any(header.has(columns) for columns in _COLUMNS[format_]):
        return format_
    missing = ", ".join(name for name in _COLUMNS[format_][0] if name not in header.columns)
    raise UnreadableFile(
        f"The file is not an export of {_NAMES[format_]}: column missing: {missing}. "
        f"Required: {_headers(format_)}."
    )


def _detected(header: Header) -> Format:
    for known, alternatives in _COLUMNS.items():
        if any(header.has(columns) for columns in alternatives):
            return known
    headers = "; ".join(f"{name}: {_headers(known)}" for known, name in _NAMES.items())
    raise UnreadableFile(
        "The header line matches no known format. Set the app's language to English and export "
        f"again with these columns. {headers}."
    )


def _headers(format_: Format) -> str:
    return " or ".join(", ".join(columns) for columns in _COLUMNS[format_])

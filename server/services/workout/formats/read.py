"""Reading a file of workouts, ours or another app's, of which nobody needs to say whose it is."""

from server.services.workout.formats import fitnotes, gymlocker, hevy, strong
from server.services.workout.formats.model import Format, ReadFile, UnreadableFile
from server.services.workout.formats.table import Header, read_table

# The columns without which it is not that format. A title is compared without case. The order
# matters: a file of another app might have all columns of ours.
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


def read_file(data: bytes, *, format: Format | None, default_duration: int) -> ReadFile:  # noqa: A002
    """Reads every workout of a file that can be read, and says why others cannot be.

    Without `format` the header tells it. `default_duration`, in minutes, is for workouts whose
    length the file does not tell. Raises UnreadableFile, and nothing else, whatever `data` is.
    """
    table = read_table(data)
    of = _checked(table.header, format) if format else _recognised(table.header)
    match of:
        case Format.GYMLOCKER:
            return gymlocker.read(table)
        case Format.STRONG:
            return strong.read(table, default_duration)
        case Format.HEVY:
            return hevy.read(table, default_duration)
        case Format.FITNOTES:
            return fitnotes.read(table, default_duration)


def _checked(header: Header, wanted: Format) -> Format:
    if any(header.has(columns) for columns in _COLUMNS[wanted]):
        return wanted
    missing = ", ".join(name for name in _COLUMNS[wanted][0] if name not in header.columns)
    raise UnreadableFile(
        f"This is not a file of {_NAMES[wanted]}, which has {_headers(wanted)}; "
        f"it has no column {missing}."
    )


def _recognised(header: Header) -> Format:
    for known, alternatives in _COLUMNS.items():
        if any(header.has(columns) for columns in alternatives):
            return known
    headers = "; ".join(f"{name}: {_headers(known)}" for known, name in _NAMES.items())
    raise UnreadableFile(
        "The header line is of no known format; export with the app's language set to English, "
        f"and keep these columns. {headers}."
    )


def _headers(of: Format) -> str:
    return " or ".join(", ".join(columns) for columns in _COLUMNS[of])

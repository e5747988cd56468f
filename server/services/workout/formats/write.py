"""Writing workouts as JSON, and as CSV that `gymlocker.py` reads back exactly."""

import csv
import json
from io import StringIO

from server.services.workout.formats.guard import guarded
from server.services.workout.model import Workout


def csv_header() -> bytes:
    """Return the first line of a CSV file: RFC 4180, UTF-8 without a byte order mark."""
    return _line("id", "date", "type", "duration", "notes")


def csv_line(workout: Workout) -> bytes:
    """Return a workout as a CSV record with its line ending."""
    date = workout.date.isoformat()
    kind, notes = guarded(workout.type), guarded(workout.notes)
    return _line(str(workout.id), date, kind, str(workout.duration), notes)


def json_object(workout: Workout) -> bytes:
    """Return a workout as a JSON object on one line, in UTF-8."""
    values = {
        "id": str(workout.id),
        "date": workout.date.isoformat(),
        "type": workout.type,
        "duration": workout.duration,
        "notes": workout.notes,
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _line(*cells: str) -> bytes:
    line = StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()

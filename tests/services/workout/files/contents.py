"""Contents of the files that tests import."""

from collections.abc import Iterator


def csv_of(*rows: str) -> bytes:
    """Return a CSV file in our format without ids: rows of date, type, duration, notes."""
    return "\r\n".join(["date,type,duration,notes", *rows, ""]).encode()


MIB = 1024 * 1024
# A megabyte of long invalid lines, which are parsed quickly.
FILLER = (b"x" * 99_999 + b"\n") * 10

STRONG = b"""Date,Workout Name,Exercise Name,Set Order,Weight,Reps
2026-02-07 08:00:00,Legs,Squat,1,60,5
"""


def many_workouts(count: int) -> bytes:
    """Return a file of `count` different workouts."""
    rows = (
        f"20{n // 300 % 100:02}-01-{n % 28 + 1:02},Run {n},{n % 100 + 1}," for n in range(count)
    )
    return csv_of(*rows)


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))

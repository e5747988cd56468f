"""Reading a file: detection of its format, and robustness against any contents."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.model import Format, UnreadableFile
from server.services.workout.formats.read import read_file
from server.services.workout.model import (
    MAX_MINUTES,
    MAX_NOTES_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    MIN_MINUTES,
)

HEADERS = {
    "id,date,type,duration,notes": Format.GYMLOCKER,
    "date;type;duration": Format.GYMLOCKER,
    "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Seconds": Format.STRONG,
    "Workout #;Date;Workout Name;Duration (sec);Exercise Name;Set Order;Weight (kg)": Format.STRONG,
    "title,start_time,end_time,exercise_title,set_type,weight_kg,reps": Format.HEVY,
    "Date,Exercise,Category,Weight (kgs),Reps,Distance,Time": Format.FITNOTES,
    "Name,StartTime,EndTime,Exercise,Reps,Weight,Time,Status": Format.FITNOTES,
}


# Cells that reach more code than random texts do.
CELLS = [
    *("2024-02-29", "2023-02-29", "2021-03-01 18:02:11", "15 Jan 2024, 18:30", "0001-01-01"),
    *("Run", "5", "82.5", "0", "1h 5m", "1:30", "W", "normal", '"', "\0", "\r", ""),
]


def check_invariants(data: bytes, of: Format | None = None) -> None:
    """Read a file, and assert what is guaranteed of every result."""
    try:
        file = read_file(data, format=of, default_duration=60)
    except UnreadableFile:
        return
    for found in file.workouts:
        workout = found.workout
        assert 1 <= len(workout.type) <= MAX_TYPE_CHARACTERS
        assert MIN_MINUTES <= workout.duration <= MAX_MINUTES
        assert len(workout.notes) <= MAX_NOTES_CHARACTERS
        assert "\0" not in workout.type + workout.notes
    assert len({found.workout.id for found in file.workouts}) == len(file.workouts)
    for lines in ([one.line for one in file.workouts], [one.line for one in file.problems]):
        assert lines == sorted(lines)
    assert all(one.line > 1 and one.message.endswith(".") for one in file.problems)


class TestDetection:
    @pytest.mark.parametrize(("header", "expected"), HEADERS.items())
    def test_recognises_header(self, header: str, expected: Format) -> None:
        for text in (header, header.upper() + "\r\n", header.replace(",", "\t").replace(";", "\t")):
            file = read_file(text.encode(), format=None, default_duration=60)
            assert (file.format, file.workouts, file.problems) == (expected, [], [])

    def test_given_format_takes_precedence(self) -> None:
        data = b"date,type,duration,exercise,category\n2024-01-01,Run,5,Jog,Legs\n"
        files = {
            of: read_file(data, format=of, default_duration=60)
            for of in (None, Format.GYMLOCKER, Format.FITNOTES)
        }
        assert files[None].format is Format.FITNOTES
        assert files[Format.FITNOTES].workouts[0].workout.type == "Legs"
        assert files[Format.GYMLOCKER].workouts[0].workout.type == "Run"

    def test_lists_formats_for_unknown_header(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read_file(b"Datum;Workout-Name\n", format=None, default_duration=60)
        assert str(caught.value) == (
            "The header line matches no known format. Set the app's language to English and export "
            "again with these columns. Gymlocker: date, type, duration; Strong: date, "
            "workout name, exercise name, set order; Hevy: title, start_time, exercise_title; "
            "FitNotes: date, exercise, category or name, starttime, exercise."
        )

    def test_names_missing_column(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read_file(b"Date,Type\n", format=Format.GYMLOCKER, default_duration=60)
        assert str(caught.value) == (
            "The file is not an export of Gymlocker: column missing: duration. "
            "Required: date, type, duration."
        )


class TestSpreadsheets:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_reads_encodings_and_delimiters(self, encoding: str, delimiter: str) -> None:
        text = 'date;type;duration;notes\r\n2024-02-29;"ラン; 5 km";45;"a\nb"\r\n'
        data = text.replace(";", delimiter).encode(encoding)
        [found] = read_file(data, format=None, default_duration=60).workouts
        assert (found.workout.type, found.workout.notes) == (f"ラン{delimiter} 5 km", "a\nb")

    def test_reads_separator_line(self) -> None:
        data = b"sep=;\r\ndate;type;duration\r\n2024-02-29;Run;45\r\n"
        [found] = read_file(data, format=None, default_duration=60).workouts
        assert (found.line, found.workout.type) == (3, "Run")


class TestRobustness:
    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200), st.sampled_from([None, *Format]))
    def test_accepts_or_rejects_any_bytes(self, data: bytes, of: Format | None) -> None:
        check_invariants(data, of)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(list(HEADERS)), st.text(max_size=200))
    def test_reads_any_text_after_header(self, header: str, text: str) -> None:
        check_invariants(f"{header}\n{text}".encode(errors="replace"))

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(list(HEADERS)), st.data())
    def test_reads_rows_of_arbitrary_cells(self, header: str, data: st.DataObject) -> None:
        delimiter = ";" if ";" in header else ","
        width = header.count(delimiter) + 1
        cell = st.one_of(st.sampled_from(CELLS), st.text(max_size=5)).map(
            lambda text: '"' + text.replace('"', '""') + '"'
        )
        rows = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6))
        text = "\n".join([header, *map(delimiter.join, rows)])
        check_invariants(text.encode(errors="replace"))

    @pytest.mark.parametrize(
        "row", ['2024-01-01,Run,5,"\n', '"x"y\n', "2024-01-01,Run,5,\n", "x\n"]
    )
    def test_takes_linear_time(self, row: str) -> None:
        def took(count: int) -> float:
            began = time.perf_counter()
            check_invariants(b"date,type,duration,notes\n" + row.encode() * count)
            return time.perf_counter() - began

        took(100)
        assert took(20_000) < 60 * took(2_000) + 0.2

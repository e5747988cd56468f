"""Reading a file: detection of its format, and robustness against any contents."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.model import Format, UnreadableFile
from tests.services.workout.formats.invariants import check_file
from tests.services.workout.formats.reading import CASES, HEVY, STRONG, read

HEADERS = {
    "id,date,type,duration,notes": Format.GYMLOCKER,
    "date;type;duration": Format.GYMLOCKER,
    "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Seconds": Format.STRONG,
    "Workout #;Date;Workout Name;Duration (sec);Exercise Name;Set Order;Weight (kg)": Format.STRONG,
    "title,start_time,end_time,exercise_title,set_type,weight_kg,reps": Format.HEVY,
    "Date,Exercise,Category,Weight (kgs),Reps,Distance,Time": Format.FITNOTES,
    "Name,StartTime,EndTime,Exercise,Reps,Weight,Time,Status": Format.FITNOTES,
    "Date (yyyy/mm/dd),Workout,Exercise,Sets×Time,Set 1 (Reps),Set 1 (KG)": Format.STRONGLIFTS,
}


# Cells that reach more code than random texts do.
CELLS = [
    *("2024-02-29", "2023-02-29", "2021-03-01 18:02:11", "15 Jan 2024, 18:30", "0001-01-01"),
    *("9999-12-31T23:59:59Z", "03/04/2024", "3 lis 2025", "3 févr. 2025", "下午6:05"),
    *("Run", "5", "82.5", "82,5", "1.234,5", "-1", "0", "1e9", "1e999", "1h 5m", "1:30", "2×60s"),
    *(
        "W",
        "normal",
        "kg",
        "lbs",
        "mi",
        "ft",
        '"',
        "\0",
        "\r",
        "",
        "Rest Timer",
        "٨٢٫٥",
        "x" * 3000,
    ),
]
FILES = {path.name: path.read_bytes() for path in sorted(CASES.glob("*.csv"))}


def check_invariants(data: bytes, of: Format | None = None, time_zone: str = "") -> None:
    """Read a file, and assert what is guaranteed of every result."""
    try:
        file = read(data, of, time_zone=time_zone)
    except UnreadableFile:
        return
    check_file(file)


class TestDetection:
    @pytest.mark.parametrize(("header", "expected"), HEADERS.items())
    def test_recognises_header(self, header: str, expected: Format) -> None:
        for text in (header, header.upper() + "\r\n", header.replace(",", "\t").replace(";", "\t")):
            file = read(text)
            assert (file.format, file.workouts, file.problems) == (expected, [], [])

    def test_given_format_takes_precedence(self) -> None:
        data = b"date,type,duration,exercise,category\n2024-01-01,Run,5,Jog,Legs\n"
        files = {of: read(data, of) for of in (None, Format.GYMLOCKER, Format.FITNOTES)}
        assert files[None].format is Format.FITNOTES
        assert files[Format.FITNOTES].workouts[0].workout.type == "Legs"
        assert files[Format.GYMLOCKER].workouts[0].workout.type == "Run"

    def test_lists_formats_for_unknown_header(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read(b"Datum;Workout-Name\n")
        assert str(caught.value) == (
            "The header line matches no known format. Set the app's language to English and export "
            "again with these columns. Gymlocker: date, type, duration or date, type, "
            "duration_minutes or date, type, duration_seconds; Strong: date, "
            "workout name, exercise name, set order; Hevy: title, start_time, exercise_title; "
            "FitNotes: date, exercise, category or name, starttime, exercise; StrongLifts: date, "
            "exercise, set 1 reps; LiftLog: sessionid, timestamp, exercise, weight."
        )

    def test_names_missing_column(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read(b"Date,Type\n", Format.GYMLOCKER)
        assert str(caught.value) == (
            "The file is not an export of Gymlocker: column missing: duration. "
            "Required: date, type, duration or date, type, duration_minutes or date, type, "
            "duration_seconds."
        )

    @pytest.mark.parametrize(
        ("data", "of", "hint"),
        [
            (
                b"\x1f\x8b\x08",
                Format.STRONG,
                "is a compressed backup of LiftLog. .* format=liftlog",
            ),
            (b" \n[]", Format.HEVY, "is JSON, in which only Gymlocker exports. .*format=gymlocker"),
            (b"\xef\xbb\xbf{}", Format.LIFTLOG, "is JSON"),
        ],
    )
    def test_names_format_of_other_contents(self, data: bytes, of: Format, hint: str) -> None:
        with pytest.raises(UnreadableFile, match=hint):
            read(data, of)


class TestSpreadsheets:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_reads_encodings_and_delimiters(self, encoding: str, delimiter: str) -> None:
        text = 'date;type;duration;notes\r\n2024-02-29;"ラン; 5 km";45;"a\nb"\r\n'
        data = text.replace(";", delimiter).encode(encoding)
        [found] = read(data).workouts
        assert (found.workout.type, found.workout.notes) == (f"ラン{delimiter} 5 km", "a\nb")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_recognises_json_in_encodings(self, encoding: str) -> None:
        [found] = read('\n [{"date":"2024-02-29","type":"ラン"}]'.encode(encoding)).workouts
        assert found.workout.type == "ラン"

    def test_recognises_json_in_utf_16_of_either_order(self) -> None:
        text = '\ufeff[{"date":"2024-02-29","type":"Run"}]'
        for encoding in ("utf-16-le", "utf-16-be"):
            assert len(read(text.encode(encoding)).workouts) == 1

    def test_reads_separator_line(self) -> None:
        data = b"sep=;\r\ndate;type;duration\r\n2024-02-29;Run;45\r\n"
        [found] = read(data).workouts
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

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(list(FILES)), st.data())
    def test_reads_mutated_cases(self, name: str, data: st.DataObject) -> None:
        contents = bytearray(FILES[name][:4_000])
        for _ in range(data.draw(st.integers(1, 8))):
            place = data.draw(st.integers(0, len(contents)))
            length = data.draw(st.integers(0, 20))
            insertion = data.draw(
                st.one_of(
                    st.binary(max_size=5),
                    st.sampled_from(CELLS).map(lambda cell: cell.encode()),
                    st.sampled_from([b",", b";", b'"', b"\n", bytes(contents[-100:])]),
                )
            )
            contents[place : place + length] = insertion
        check_invariants(bytes(contents), time_zone=data.draw(st.sampled_from(["", "Asia/Tokyo"])))

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(list(FILES)), st.data())
    def test_reads_cases_with_other_cells(self, name: str, data: st.DataObject) -> None:
        lines = FILES[name].decode("utf-8-sig").splitlines()[:6]
        delimiter = ";" if ";" in lines[0] else ","
        place = data.draw(st.integers(1, len(lines) - 1))
        cells = lines[place].split(delimiter)
        for index in data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=4)):
            cell = data.draw(st.sampled_from(CELLS)).replace('"', '""')
            cells[index] = f'"{cell}"'
        lines[place] = delimiter.join(cells)
        check_invariants("\n".join(lines).encode())

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

    @pytest.mark.parametrize("name", FILES)
    def test_reads_every_truncation(self, name: str) -> None:
        contents = FILES[name][:700]
        for length in range(0, len(contents), 7):
            check_invariants(contents[:length])


class TestMemory:
    def test_is_bounded_by_the_result(self) -> None:
        rows = [
            f"2021-03-{day:02} 18:00:00,A,1h,E{exercise},{order},{order * 2.5},5,0,0,,,\n"
            for day in range(1, 11)
            for exercise in range(20)
            for order in range(1, 41)
        ]
        data = (STRONG + "".join(rows)).encode()
        # Modules and words of dates, which are kept.
        read(data[:300], unit="kg")
        tracemalloc.start()
        try:
            file = read(data, unit="kg")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sum(len(one.sets) for found in file.workouts for one in found.workout.exercises) == (
            10 * 20 * 40
        )
        # Much less than the text of the file in memory would take, with the objects of its cells.
        assert peak < 2 * len(data)

    @pytest.mark.parametrize(
        ("header", "row"),
        [
            (STRONG, "2021-03-01 18:00:00,A,1h,Squat,{},100,5,0,0,,,\n"),
            (STRONG, "2021-03-01 18:00:00,A,1h,Squat,w{},100,5,0,0,,,\n"),
            (HEVY, "A,2024-01-01 10:00,,,Squat,,,0,{},100,5,,,\n"),
        ],
    )
    def test_is_bounded_for_many_kinds_of_sets(self, header: str, row: str) -> None:
        # Points do not change a word.
        words = (f"x{'.' * (number % 100)}{number:x}{'.' * 20}" for number in range(10_000))
        data = (header + "".join(row.format(word) for word in words)).encode()
        read(data[:300], unit="kg")
        tracemalloc.start()
        try:
            read(data, unit="kg")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5 * len(data)

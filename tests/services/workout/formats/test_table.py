"""Reading a file as a table: encodings, delimiters, headers and lines."""

import io
from collections.abc import Iterator

import pytest

from server.services.workout.formats.model import Problem, UnreadableFile
from server.services.workout.formats.table import MAX_LINE, MAX_LINES, Header, Row, Table
from server.services.workout.formats.table import read_table as read_file

Found = list[tuple[int, list[str]]]


def read_table(data: bytes) -> Table:
    return read_file(io.BytesIO(data))


def rows(text: str | bytes) -> Found:
    """Return the line and the cells of each row; fail on a problem."""
    found: Found = []
    for row in read_table(text if isinstance(text, bytes) else text.encode()).rows:
        assert isinstance(row, Row), row
        found.append((row.line, row.cells))
    return found


def problems(text: str) -> list[Problem]:
    return [row for row in read_table(text.encode()).rows if isinstance(row, Problem)]


def titles(text: str) -> tuple[str, ...]:
    return read_table(text.encode()).header.titles


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_are_detected(self, encoding: str) -> None:
        table = read_table("Typ,ノート\nランニング,🏃\n".encode(encoding))
        assert table.header.titles == ("Typ", "ノート")
        assert [row.cells for row in table.rows if isinstance(row, Row)] == [["ランニング", "🏃"]]

    def test_utf_16_in_both_byte_orders(self) -> None:
        text = "\ufeffa,b\n1,2"
        assert rows(text.encode("utf-16-be")) == rows(text.encode("utf-16-le")) == [(2, ["1", "2"])]

    @pytest.mark.parametrize(
        ("data", "hint"),
        [
            (b"", "empty"),
            (b" \r\n\n", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (b"a,b\n\xff\xfe", "neither UTF-8 nor UTF-16"),
            ("Größe,b\n".encode("latin-1"), "neither UTF-8 nor UTF-16"),
            (b"\xff\xfea", "neither UTF-8 nor UTF-16"),
            (b"\xff\xfe\x00\xd8", "neither UTF-8 nor UTF-16"),
            (b'"a,b\n1,2\n', "header line cannot be read"),
            (b"sep=;\n", "header line cannot be read"),
        ],
    )
    def test_rejects_unreadable_file(self, data: bytes, hint: str) -> None:
        with pytest.raises(UnreadableFile, match=hint):
            read_table(data)


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_are_detected_by_header(self, delimiter: str) -> None:
        text = delimiter.join(["a", "b", "c"]) + "\n" + delimiter.join(["1", '",;\t"', "3"])
        assert rows(text) == [(2, ["1", ",;\t", "3"])]

    def test_ignores_quoted_delimiters(self) -> None:
        assert titles('"a;b;c;d",e\n') == ("a;b;c;d", "e")

    @pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r'])
    def test_reads_separator_line(self, first: str) -> None:
        assert rows(first + "a,b;c\n1;2\n") == [(3, ["1", "2"])]


class TestRows:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_accept_all_line_endings(self, end: str) -> None:
        assert rows(end.join(["a,b", "1,2", "3,4"])) == [(2, ["1", "2"]), (3, ["3", "4"])]

    def test_skip_and_count_blank_lines(self) -> None:
        assert rows("\n\na,b\n\n1,2\n  \n,\n3,4\n\n") == [(5, ["1", "2"]), (8, ["3", "4"])]

    def test_are_numbered_by_first_line(self) -> None:
        text = 'a,b\n1,"x\ny\r\nz\rw"\n2,3\n'
        assert rows(text) == [(2, ["1", "x\ny\r\nz\rw"]), (6, ["2", "3"])]

    def test_keep_other_line_separators(self) -> None:
        assert rows("a,b\n1\x0b\u2028,2\x85\n3,4") == [
            (2, ["1\x0b\u2028", "2\x85"]),
            (3, ["3", "4"]),
        ]

    def test_unescape_doubled_quotes(self) -> None:
        assert rows('a,b\n"say ""hi""",5" plate\n') == [(2, ['say "hi"', '5" plate'])]

    def test_return_empty_cell_for_missing_column(self) -> None:
        row = Row(2, [" 1 ", "2"], Header(("a", "b")))
        assert (row["a"], row["c"]) == ("1", "")


class TestProblems:
    def test_reports_wrong_number_of_fields(self) -> None:
        assert problems('a,b\n1\n1,"\n"\n1,2,3\n') == [
            Problem(2, "The row must have as many fields as the header (2), not 1."),
            Problem(5, "The row must have as many fields as the header (2), not 3."),
        ]

    def test_continues_after_misplaced_quote(self) -> None:
        table = read_table(b'a,b\n1,"x"y\n3,4\n')
        problem, row = table.rows
        assert problem == Problem(
            2, "A closing quote is followed by text; double the quotes within a field."
        )
        assert isinstance(row, Row) and (row.line, row.cells) == (3, ["3", "4"])

    def test_reports_unclosed_quote(self) -> None:
        text = 'a,b\n1,2\n3,"x\n5,6\n'
        message = "The quote that opens here is never closed; nothing after it was read."
        assert problems(text) == [Problem(3, message)]

    def test_stops_at_oversized_field(self) -> None:
        # Within quotes: the next line might be text that looks like a row.
        text = 'a,b\n1,"' + "x" * 140_000 + "\n5,6\n" + '"\n7,8\n'
        message = "A field has more than 131,072 characters; nothing after it was read."
        assert list(read_table(text.encode()).rows) == [Problem(2, message)]


class TestHeader:
    def test_strips_spaces_and_quotes_of_titles(self) -> None:
        assert titles("Date , \"Type\", 'x' \n") == ("Date", "Type", "'x'")

    def test_finds_columns_in_any_case(self) -> None:
        header = Header(("DATE", "Workout Name", "date"))
        assert header.columns["date"] == 0
        assert header.has(["date", "workout name"])
        assert not header.has(["date", "type"])
        assert header.title("workout name") == "Workout Name"

    @pytest.mark.parametrize(
        ("title", "units"),
        [
            ("Weight", [("weight", "")]),
            ("Weight (kg)", [("weight (kg)", "kg")]),
            ("weight_lbs", [("weight_lbs", "lbs")]),
            ("Weight Unit", []),
            ("Body Weight", []),
        ],
    )
    def test_reads_units_in_titles(self, title: str, units: list[tuple[str, str]]) -> None:
        assert Header((title, "Reps")).units("weight") == units


class TestStreaming:
    def test_rows_begin_again(self) -> None:
        table = read_table(b"sep=;\na;b\n1;2\n3;4\n")
        first, second = ([row.line for row in table.rows] for _ in range(2))
        assert first == second == [3, 4]

    def test_file_stays_open(self) -> None:
        file = io.BytesIO(b"a,b\n1,2\n")
        rows = read_file(file).rows
        next(rows)
        del rows
        assert not file.closed

    def test_closed_file_is_harmless_to_unfinished_rows(self) -> None:
        file = io.BytesIO(b"a,b\n1,2\n3,4\n")
        rows = read_file(file).rows
        next(rows)
        file.close()
        assert isinstance(rows, Iterator)
        del rows

    def test_rejects_broken_encoding_further_down(self) -> None:
        table = read_table(b"a,b\n" + b"1,2\n" * 20_000 + b"\xff,2\n")
        with pytest.raises(UnreadableFile, match="neither UTF-8 nor UTF-16"):
            list(table.rows)

    def test_rejects_too_many_lines(self) -> None:
        table = read_table(b"a,b\n" + b"1,2\n" * MAX_LINES)
        with pytest.raises(UnreadableFile, match=r"more than 250,000 lines\. Split it"):
            list(table.rows)

    @pytest.mark.parametrize("start", [b"a,b\n1,", b""])
    def test_rejects_endless_line(self, start: bytes) -> None:
        with pytest.raises(UnreadableFile, match="has more than 1,048,576 characters"):
            list(read_table(start + b"a," * MAX_LINE).rows)

    def test_rejects_record_of_too_many_lines(self) -> None:
        with pytest.raises(UnreadableFile, match="more than 250,000 lines"):
            list(read_table(b"a,b\n" + b'"\n",' * (MAX_LINES + 1)).rows)

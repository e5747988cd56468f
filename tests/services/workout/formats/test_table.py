"""Encodings, delimiters, headers, lines: a file as a table."""

import pytest

from server.services.workout.formats.model import Problem, UnreadableFile
from server.services.workout.formats.table import Header, Row, read_table

Found = list[tuple[int, list[str]]]


def rows(text: str | bytes) -> Found:
    """The line and the cells of each row; fails on a problem."""
    found: Found = []
    for row in read_table(text if isinstance(text, bytes) else text.encode()).rows:
        assert isinstance(row, Row), row
        found.append((row.line, row.cells))
    return found


def problems(text: str) -> list[Problem]:
    return [row for row in read_table(text.encode()).rows if isinstance(row, Problem)]


def titles(text: str) -> tuple[str, ...]:
    return read_table(text.encode()).header.titles


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    table = read_table("Typ,ノート\nランニング,🏃\n".encode(encoding))
    assert table.header.titles == ("Typ", "ノート")
    assert [row.cells for row in table.rows if isinstance(row, Row)] == [["ランニング", "🏃"]]


def test_utf_16_of_both_byte_orders() -> None:
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
def test_what_is_no_table(data: bytes, hint: str) -> None:
    with pytest.raises(UnreadableFile, match=hint):
        read_table(data)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_tells_the_delimiter(delimiter: str) -> None:
    text = delimiter.join(["a", "b", "c"]) + "\n" + delimiter.join(["1", '",;\t"', "3"])
    assert rows(text) == [(2, ["1", ",;\t", "3"])]


def test_delimiters_within_quotes_of_the_header_do_not_count() -> None:
    assert titles('"a;b;c;d",e\n') == ("a;b;c;d", "e")


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r'])
def test_excel_may_say_the_delimiter(first: str) -> None:
    assert rows(first + "a,b;c\n1;2\n") == [(3, ["1", "2"])]


def test_titles_lose_spaces_and_quotes_around_them() -> None:
    assert titles("Date , \"Type\", 'x' \n") == ("Date", "Type", "'x'")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    assert rows(end.join(["a,b", "1,2", "3,4"])) == [(2, ["1", "2"]), (3, ["3", "4"])]


def test_blank_lines_are_skipped_and_counted() -> None:
    assert rows("\n\na,b\n\n1,2\n  \n,\n3,4\n\n") == [(5, ["1", "2"]), (8, ["3", "4"])]


def test_a_row_is_counted_from_where_it_begins() -> None:
    text = 'a,b\n1,"x\ny\r\nz\rw"\n2,3\n'
    assert rows(text) == [(2, ["1", "x\ny\r\nz\rw"]), (6, ["2", "3"])]


def test_other_line_separators_end_no_line() -> None:
    assert rows("a,b\n1\x0b\u2028,2\x85\n3,4") == [(2, ["1\x0b\u2028", "2\x85"]), (3, ["3", "4"])]


def test_doubled_quotes() -> None:
    assert rows('a,b\n"say ""hi""",5" plate\n') == [(2, ['say "hi"', '5" plate'])]


def test_too_few_and_too_many_fields() -> None:
    assert problems('a,b\n1\n1,"\n"\n1,2,3\n') == [
        Problem(2, "The number of fields is 1, but the header has 2."),
        Problem(5, "The number of fields is 3, but the header has 2."),
    ]


def test_reading_goes_on_after_a_quote_in_a_wrong_place() -> None:
    table = read_table(b'a,b\n1,"x"y\n3,4\n')
    problem, row = table.rows
    assert problem == Problem(2, "Something follows a closing quote; double the quotes within it.")
    assert isinstance(row, Row) and (row.line, row.cells) == (3, ["3", "4"])


def test_a_quote_that_is_never_closed() -> None:
    text = 'a,b\n1,2\n3,"x\n5,6\n'
    message = "A quote that opens here is never closed, so nothing after it was read."
    assert problems(text) == [Problem(3, message)]


def test_nothing_is_read_after_a_field_that_is_too_long() -> None:
    # Within quotes: the next line might be text that looks like a row.
    text = 'a,b\n1,"' + "x" * 140_000 + "\n5,6\n" + '"\n7,8\n'
    message = "A field has more than 131,072 characters, so nothing after it was read."
    assert list(read_table(text.encode()).rows) == [Problem(2, message)]


def test_columns_are_found_without_case() -> None:
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
def test_units_stand_in_titles(title: str, units: list[tuple[str, str]]) -> None:
    assert Header((title, "Reps")).units("weight") == units


def test_a_cell_of_a_missing_column_is_empty() -> None:
    row = Row(2, [" 1 ", "2"], Header(("a", "b")))
    assert (row["a"], row["c"]) == ("1", "")

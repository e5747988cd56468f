"""Exports, byte by byte."""

import datetime as dt
import json
from uuid import UUID

from server.services.workout.formats.write import csv_header, csv_line, json_object
from server.services.workout.model import Workout

ID = UUID("0b5c3f0e-1111-4222-8333-944445555666")


def workout(
    date: dt.date = dt.date(2024, 2, 29), kind: str = "Run", duration: int = 45, notes: str = ""
) -> Workout:
    return Workout(ID, date, kind, duration, notes)


class TestCsv:
    def test_header(self) -> None:
        assert csv_header() == b"id,date,type,duration,notes\r\n"

    def test_plain_line_has_no_quotes(self) -> None:
        assert csv_line(workout()) == f"{ID},2024-02-29,Run,45,\r\n".encode()

    def test_quotes_special_characters(self) -> None:
        line = csv_line(workout(kind='5" plate, twice', notes="a\rb\nc\r\nd"))
        assert line == f'{ID},2024-02-29,"5"" plate, twice",45,"a\rb\nc\r\nd"\r\n'.encode()

    def test_quotes_lone_carriage_return(self) -> None:
        assert csv_line(workout(notes="a\rb")).endswith(b',"a\rb"\r\n')

    def test_years_have_four_digits(self) -> None:
        assert b",0001-01-01," in csv_line(workout(date=dt.date.min))
        assert b",9999-12-31," in csv_line(workout(date=dt.date.max))

    def test_is_utf_8(self) -> None:
        assert "ランニング,45,مشي 🏃".encode() in csv_line(
            workout(kind="ランニング", notes="مشي 🏃")
        )


class TestJson:
    def test_is_compact_and_unescaped(self) -> None:
        assert (
            json_object(workout(kind="ランニング 🏃", notes='"a"\n\u2028'))
            == (
                f'{{"id":"{ID}","date":"2024-02-29","type":"ランニング 🏃",'
                '"duration":45,"notes":"\\"a\\"\\n\u2028"}'
            ).encode()
        )

    def test_is_one_line_that_parses(self) -> None:
        written = json_object(workout(notes="a\r\nb\x01"))
        assert b"\n" not in written and b"\r" not in written
        assert json.loads(written)["notes"] == "a\r\nb\x01"

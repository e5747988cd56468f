"""Problems in Strong's exports, and the workouts that they skip."""

import pytest

from server.services.workout.formats.model import Problem
from tests.services.workout.formats.strong import PLAIN, problem, read


class TestProblems:
    def test_reports_workout_longer_than_a_week_once(self) -> None:
        row = "2021-03-01 18:02:11,A,168h 30s,Squat,1,100,5,0,0,,,\n"
        file = read(PLAIN + row + row)
        wrong = "the workout must not be longer than 10,080 minutes (a week)."
        assert file.workouts == []
        assert file.problems == [Problem(2, f"Duration: {wrong}")]

    @pytest.mark.parametrize(
        "date",
        [
            *("", "2023-02-29 10:00:00", "2021-03-01 25:00", "2021-03-01 13:00 PM"),
            *(
                "2021-03-01 0:30 AM",
                "2021-03-01 1:60",
                "01/03/2021",
                "2021-03-01T10:00:00+25:00",
                "yesterday",
            ),
        ],
    )
    def test_reports_invalid_date(self, date: str) -> None:
        assert problem(f"{date},A,1h,Squat,1,100,5,0,0,,,") == Problem(
            2,
            f"Date: {date!r} is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30; the "
            "workouts next to this row were skipped, since it may be part of them.",
        )

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("1h,Squat,1,heavy,5,0,0,,,", "Weight: 'heavy' is not a number"),
            ("1h,Squat,1,100,5 x,0,0,,,", "Reps: '5 x' is not a number"),
            ("1h,Squat,1,100,5,far,0,,,", "Distance: 'far' is not a number"),
            ("1h,Squat,1,100,5,0,0:99,,,", "Seconds: '0:99' is not a number"),
            ("1h,Squat,1,100,5,0,0,,,hard", "RPE: 'hard' is not a number"),
            (
                "2 hours,Squat,1,100,5,0,0,,,",
                "Duration: '2 hours' is not a duration such as 1h 5m or 3900",
            ),
            (
                "-5,Squat,1,100,5,0,0,,,",
                "Duration: '-5' is not a duration such as 1h 5m or 3900",
            ),
            ("1h,Squat,1,100,5,0,0,a\0b,,", "Notes: must not contain a NUL character"),
        ],
    )
    def test_invalid_cell_skips_workout(self, row: str, message: str) -> None:
        expected = Problem(2, f"{message}; its workout was skipped.")
        assert problem(f"2021-03-01 18:02:11,A,{row}") == expected

    def test_reports_each_invalid_row_with_its_line(self) -> None:
        text = PLAIN + (
            '2021-03-01 18:00:00,A,1h,Squat,1,100,5,0,0,"a\nb\nc",,\n'
            "2021-03-01 18:00:00,A,1h,Squat,2,x,5,0,0,,,\n"
            "2021-03-01 18:00:00,A,1h,Squat,3,x,y,0,0,,,\n"
            "2021-03-02 18:00:00,B,1h,Squat,1,100,5,0,0,,,\n"
        )
        file = read(text)
        assert [found.line for found in file.problems] == [5, 6]
        assert [(found.line, found.workout.type) for found in file.workouts] == [(7, "B")]

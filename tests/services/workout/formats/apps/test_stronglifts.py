"""StrongLifts' exports: one row per exercise."""

import pytest

from server.services.workout.formats.model import Format
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import exercises, kg, lb, problem, read, workouts

HEADER = (
    "Date (yyyy/mm/dd),Workout,Workout Name,Exercise,Sets×Time,Duration (hours),"
    "Start Time (h:mm),Notes,Set 1 (Reps),Set 1 (KG),Set 2 (Reps),Set 2 (KG)\n"
)


def row(
    sets: str,
    *,
    date: str = "2026/05/04",
    number: str = "1",
    times: str = "",
    length: str = "0.75",
    start: str = "6:05 PM",
) -> str:
    return f"{date},{number},Workout A,Squat,{times},{length},{start},,{sets}\n"


class TestHeader:
    @pytest.mark.parametrize(
        "header",
        [
            HEADER,
            "\ufeff" + HEADER,
            HEADER.upper(),
            HEADER.replace("(", "").replace(")", ""),
            HEADER.replace("(", ""),
            HEADER.replace("(Reps)", "Reps)").replace(",Set", ", Set").replace("×", "x"),
        ],
    )
    def test_is_matched_leniently(self, header: str) -> None:
        file = read(header + row("5,60,5,60"))
        assert (file.format, file.problems, file.columns_not_read) == (Format.STRONGLIFTS, [], [])
        [found] = file.workouts
        assert (found.workout.duration, found.workout.start_time) == (45, "2026-05-04T18:05:00Z")
        assert found.workout.exercises == (Exercise("Squat", sets=(kg(60, 5), kg(60, 5))),)

    def test_names_unit(self) -> None:
        text = HEADER.replace("KG", "LB") + row("5,135,5,135")
        assert exercises(text)[0].sets == (lb(135, 5), lb(135, 5))


class TestSets:
    @pytest.mark.parametrize(
        ("cells", "times", "expected"),
        [
            ("5,60,,", "", (kg(60, 5),)),
            ("5,0,5,", "", (Set(reps=5), Set(reps=5))),
            ("5,60,0,60", "", (kg(60, 5), kg(60, 0)._replace(completed=False))),
            (",,,", "", ()),
            (",,,", "2×60s", (Set(duration=60), Set(duration=60))),
            (",,,", "3x1:30", (Set(duration=90),) * 3),
            (",,,", "60s/45s/-", (Set(duration=60), Set(duration=45), Set(completed=False))),
            ("60,10,60,10", "2×60s", (kg(10)._replace(duration=60),) * 2),
        ],
    )
    def test_are_read(self, cells: str, times: str, expected: tuple[Set, ...]) -> None:
        assert exercises(HEADER + row(cells, times=times)) == (Exercise("Squat", sets=expected),)

    @pytest.mark.parametrize(
        ("cells", "times", "message"),
        [
            ("x,60,,", "", "Set 1 (Reps): 'x' is not a number."),
            ("5,x,,", "", "Set 1 (KG): 'x' is not a number."),
            ("5,10001,,", "", "Set 1 (KG): '10001' is not from -10,000 to 10,000."),
            ("5.5,60,,", "", "Set 1 (Reps): '5.5' must be a whole number from 0 to 10,000."),
            (",,,", "long", "Sets×Time: 'long' does not name times such as 2×60s."),
            (",,,", "2×-5s", "Sets×Time: '2×-5s' does not name times such as 2×60s."),
        ],
    )
    def test_invalid_one_costs_row(self, cells: str, times: str, message: str) -> None:
        assert problem(HEADER + row(cells, times=times)).message == message


class TestWorkouts:
    def test_date_and_number_are_one(self) -> None:
        text = HEADER + row("5,60,,") + row("5,50,,") + row("5,40,,", number="2")
        first, second = workouts(text)
        assert [len(one.sets) for one in first.exercises] == [2]
        assert first.id != second.id

    @pytest.mark.parametrize(("length", "minutes"), [("0.75", 45), ("0:45", 45), ("0.0094444", 1)])
    def test_length(self, length: str, minutes: int) -> None:
        assert workouts(HEADER + row("5,60,,", length=length))[0].duration == minutes

    @pytest.mark.parametrize(
        ("start", "expected"),
        [
            *(("6:05 PM", "2026-05-04T18:05:00Z"), ("18:05", "2026-05-04T18:05:00Z"), ("", "")),
            ("7:00 AM", "2026-05-04T07:00:00Z"),
        ],
    )
    def test_start(self, start: str, expected: str) -> None:
        assert workouts(HEADER + row("5,60,,", start=start))[0].start_time == expected

    def test_reports_invalid_start(self) -> None:
        found = problem(HEADER + row("5,60,,", date="2026/02/30"))
        assert "'2026/02/30 6:05 PM' is not a date such as 2026/05/04 6:05 PM" in found.message

    def test_reports_invalid_length(self) -> None:
        found = problem(HEADER + row("5,60,,", length="long"))
        assert found.message == "Duration (hours): 'long' is not a duration such as 0.75 or 0:45."

"""Durations and ids of files that were written by hand."""

import json
from io import BytesIO

import pytest

from server.services.workout.formats.model import ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.own import csv_reader, json_reader
from server.services.workout.formats.table import read_table

ID = "0b5c3f0e-1111-4222-8333-944445555666"
# A file whose durations are seconds, though it does not say so.
RUN = "date,type,duration,distance\n2024-01-02,running,1865,5.2\n"
QUESTION = (
    "Are the durations minutes or seconds? As minutes they are very long (up to 1,865). Import the "
    "file again with unit=seconds or unit=minutes, or name the column duration_seconds or "
    "duration_minutes."
)


def read(text: str, unit: str = "", default_duration: int = 60) -> ReadFile:
    options = ReadOptions(unit=unit, default_duration=default_duration)
    return csv_reader.read(read_table(BytesIO(text.encode())), options)


def minutes(file: ReadFile) -> list[int]:
    return [found.workout.duration for found in file.workouts]


def durations(*numbers: int | str) -> str:
    rows = "".join(f"2024-01-02,Run,{number}\n" for number in numbers)
    return f"date,type,duration\n{rows}"


class TestUnitOfDurations:
    def test_is_asked_for(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read(RUN)
        assert str(caught.value) == QUESTION

    @pytest.mark.parametrize(
        ("text", "unit", "expected"),
        [
            (RUN, "seconds", [31]),
            (RUN, "minutes", [1865]),
            (RUN.replace("duration", "duration_seconds"), "", [31]),
            (RUN.replace("duration", "duration_minutes"), "", [1865]),
            (durations(1, 29, 30, 89, 90), "seconds", [1, 1, 1, 1, 2]),
        ],
    )
    def test_is_taken_from_the_answer(self, text: str, unit: str, expected: list[int]) -> None:
        file = read(text, unit)
        assert minutes(file) == expected
        assert file.problems == []

    @pytest.mark.parametrize("numbers", [(1441,), (30, 30, 30, 1441), (361,), (30, 361, 361)])
    def test_is_asked_for_if_minutes_are_unlikely(self, numbers: tuple[int, ...]) -> None:
        with pytest.raises(UnreadableFile, match="minutes or seconds"):
            read(durations(*numbers))

    @pytest.mark.parametrize("numbers", [(360,), (30, 30, 1440), (30, 361, 360)])
    def test_is_minutes_if_likely(self, numbers: tuple[int, ...]) -> None:
        assert minutes(read(durations(*numbers))) == list(numbers)

    def test_is_minutes_in_a_file_with_ids(self) -> None:
        assert minutes(read(f"id,date,type,duration\n{ID},2024-01-02,Run,1865\n")) == [1865]

    def test_is_asked_for_in_json_as_well(self) -> None:
        workout = {"date": "2024-01-02", "type": "Run", "duration": 1865}
        data = json.dumps([workout]).encode()
        with pytest.raises(UnreadableFile, match="minutes or seconds"):
            json_reader.read(BytesIO(data), ReadOptions())
        assert minutes(json_reader.read(BytesIO(data), ReadOptions(unit="seconds"))) == [31]

    def test_does_not_change_the_id(self) -> None:
        """An import in the wrong unit is corrected by another one, not doubled."""
        [wrong], [right] = read(RUN, "minutes").workouts, read(RUN, "seconds").workouts
        assert wrong.workout.id == right.workout.id


class TestIds:
    """A file of which some workouts have an id, as an export has to which rows were added."""

    def ids(self, *given: str) -> list[str]:
        """Return the ids of equal workouts, of which some have one; both formats must agree."""
        rows = "".join(f"{one},2026-01-01,Run,30\n" for one in given)
        workout = {"date": "2026-01-01", "type": "Run", "duration": 30}
        contents = json.dumps([{**workout, "id": one} for one in given])
        found = [str(one.workout.id) for one in read(f"id,date,type,duration\n{rows}").workouts]
        of_json = json_reader.read(BytesIO(contents.encode()), ReadOptions())
        assert [str(one.workout.id) for one in of_json.workouts] == found
        return found

    def test_given_elsewhere_in_the_file_are_not_derived(self) -> None:
        first, second, third = self.ids("", "", "")
        assert self.ids(first, "") == [first, second]
        assert self.ids("", first) == [second, first]
        assert self.ids(second, "", first, "") == [second, third, first, self.ids(*[""] * 4)[3]]

    def test_of_other_workouts_change_nothing(self) -> None:
        assert self.ids(ID, "") == [ID, *self.ids("")]


class TestLimits:
    def test_empty_duration_is_assumed(self) -> None:
        file = read(durations("", 30), default_duration=45)
        assert [(found.workout.duration, found.duration_assumed) for found in file.workouts] == [
            (45, True),
            (30, False),
        ]

    def test_assumed_duration_does_not_change_the_id(self) -> None:
        [one], [other] = (
            read(durations("")).workouts,
            read(durations(""), default_duration=5).workouts,
        )
        assert one.workout.id == other.workout.id

    @pytest.mark.parametrize(
        ("unit", "duration", "most"),
        [("minutes", 10_081, "10,080"), ("seconds", 604_801, "604,800"), ("seconds", 0, "604,800")],
    )
    def test_reports_duration_out_of_range(self, unit: str, duration: int, most: str) -> None:
        file = read(durations(30, duration), unit)
        [problem] = file.problems
        assert (problem.line, len(file.workouts)) == (3, 1)
        assert problem.message == (
            f"duration: '{duration}' is not a whole number of {unit} from 1 to {most}."
        )

    def test_too_large_workout_is_a_problem(self) -> None:
        """A workout has at most 1 MiB in the API, too."""
        sets = [{"reps": 5, "notes": "語" * 300}] * 100
        exercises = [{"name": "Squat", "sets": sets}]
        base = {"date": "2024-01-02", "type": "Legs", "duration": 30}
        log = [{**base, "exercises": exercises * number} for number in (11, 12)]
        file = json_reader.read(BytesIO(json.dumps(log, indent=0).encode()), ReadOptions())
        [found], [problem] = file.workouts, file.problems
        assert len(found.workout.exercises) == 11
        assert problem.message == "exercises: the workout is larger than 1 MiB."

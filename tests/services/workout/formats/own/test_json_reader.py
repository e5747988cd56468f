"""Our JSON: exports, replies of the API, and files that other tools wrote."""

import json
from io import BytesIO
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.model import Format, ReadFile, ReadOptions, UnreadableFile
from server.services.workout.formats.own import json_reader
from server.services.workout.formats.own.json_stream import MAX_ELEMENT_CHARACTERS
from server.services.workout.model import Exercise, Set

ID = "0b5c3f0e-1111-4222-8333-944445555666"
RUN: dict[str, Any] = {"date": "2024-01-02", "type": "Run", "duration": 30}


def read_bytes(data: bytes) -> ReadFile:
    file = BytesIO(data)
    found = json_reader.read(file, ReadOptions())
    assert not file.closed
    return found


def read(value: object, **options: Any) -> ReadFile:
    return read_bytes(json.dumps(value, **options).encode())


def problem(workout: object) -> str:
    """Return the problem of a workout; the one after it is kept."""
    file = read([workout, RUN], indent=None)
    assert len(file.workouts) == 1
    [found] = file.problems
    return found.message


class TestLayouts:
    WORKOUT: ClassVar[dict[str, Any]] = {
        "id": ID,
        **RUN,
        "startTime": "2024-01-02T18:30:00+01:00",
        "exercises": [
            {"name": "Run", "sets": [{"distance": {"value": 5.2, "unit": "km"}, "reps": "7"}]}
        ],
        "createTime": "2024-01-02T20:00:00Z",
        "updateTime": "2024-01-03T20:00:00Z",
        "etag": "x",
        "exerciseCount": 1,
        "setCount": 1,
    }

    @pytest.mark.parametrize(
        "value",
        [
            [WORKOUT],
            {"workouts": [WORKOUT], "nextPageToken": "x"},
            {"nextPageToken": {"a": ["]"]}, "workouts": [WORKOUT]},
        ],
    )
    @pytest.mark.parametrize("indent", [None, 2, "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_are_read(self, value: object, indent: int | str | None, encoding: str) -> None:
        file = read_bytes(json.dumps(value, indent=indent, ensure_ascii=False).encode(encoding))
        [found] = file.workouts
        assert file == ReadFile(Format.GYMLOCKER, [found])
        workout = found.workout
        assert (str(workout.id), workout.start_time) == (ID, "2024-01-02T18:30:00+01:00")
        run = Set(reps=7, distance=5.2, distance_unit="km")
        assert workout.exercises == (Exercise("Run", sets=(run,)),)
        assert (found.source, found.duration_assumed) == ("gymlocker", False)
        assert found.created is not None

    def test_snake_case_is_read(self) -> None:
        one = {"start_time": "2024-01-02T18:30:00Z", "create_time": "2024-01-02T20:00:00Z"}
        sets = [{"duration_seconds": 5}]
        file = read([{**RUN, **one, "exercises": [{"name": "Plank", "sets": sets}]}])
        [found] = file.workouts
        assert found.workout.start_time == "2024-01-02T18:30:00Z"
        assert found.workout.exercises[0].sets == (Set(duration=5),)
        assert found.created is not None and file.columns_not_read == []

    def test_null_is_not_given(self) -> None:
        workout = {**RUN, "id": None, "notes": None, "exercises": None, "source": None}
        [found] = read([workout]).workouts
        assert (found.workout.notes, found.workout.exercises, found.source) == ("", (), "")

    def test_empty_list_has_no_workouts(self) -> None:
        assert read([]) == ReadFile(Format.GYMLOCKER)

    def test_ids_are_those_of_the_same_csv(self) -> None:
        workout = {"date": "2024-01-01", "type": "Run", "duration": 30, "notes": "x"}
        ids = [str(found.workout.id) for found in read([workout] * 3).workouts]
        assert ids[0] == "5c966941-502e-52b8-921c-56d0c9faf7c3"
        assert len(set(ids)) == 3

    def test_names_unknown_keys(self) -> None:
        sets = [{"tempo": "3010", "reps": 5}, {"tempo": None}]
        exercise = {"name": "Squat", "sets": sets, "muscle": "legs", "empty": ""}
        file = read([{**RUN, "mood": "good", "exercises": [exercise, exercise]}])
        assert file.columns_not_read == ["mood", "exercises.muscle", "exercises.sets.tempo"]
        assert len(file.workouts[0].workout.exercises) == 2


class TestProblems:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"id": "7"}, "id: '7' is not a UUID with hyphens."),
            ({"date": "2023-02-29"}, "date: '2023-02-29' is not an existing date in the form "),
            ({"type": " "}, "type: must not be empty."),
            ({"type": "a\0"}, "type: must not contain a NUL character."),
            ({"notes": "\ud800"}, "notes: must not contain half of a surrogate pair."),
            ({"duration": 0}, "duration: '0' is not a whole number of minutes from 1 to 10,080."),
            ({"startTime": "18:30"}, "startTime: '18:30' is not an existing time in the form "),
            (
                {"createTime": "0001-01-01T00:00:00+14:00"},
                "createTime: '0001-01-01T00:00:00+14:00' ",
            ),
            (
                {"createTime": "9999-12-31T23:59:59-00:01"},
                "createTime: '9999-12-31T23:59:59-00:01' ",
            ),
            ({"exercises": {}}, "exercises: must be a list."),
            ({"exercises": ["Squat"]}, "exercises[0]: must be an object."),
            ({"exercises": [{}]}, "exercises[0].name: must not be empty."),
            ({"notes": ["a"]}, "notes: must be a single value."),
            (
                {"exercises": [{"name": "x"}] * 101},
                "exercises: must have at most 100 elements, not 101.",
            ),
            (
                {"exercises": [{"name": "x", "sets": [{}, {"reps": 1.5}]}]},
                "exercises[0].sets[1].reps: '1.5' is not a whole number from 0 to 10,000.",
            ),
            (
                {"exercises": [{"name": "x", "sets": [{"weight": {"value": 5}}]}]},
                "exercises[0].sets[0].weight.unit: '' is not one of kg, lb.",
            ),
            (
                {"exercises": [{"name": "x", "sets": [{"weight": {"value": float("inf")}}]}]},
                "exercises[0].sets[0].weight.value: 'Infinity' is not a number from -10,000 to ",
            ),
        ],
    )
    def test_bad_workout_costs_that_workout(self, changes: dict[str, Any], message: str) -> None:
        assert problem({**RUN, **changes}).startswith(message)

    @pytest.mark.parametrize("value", ["x", None, 5, [RUN]])
    def test_anything_but_an_object_is_no_workout(self, value: object) -> None:
        assert problem(value) == "workout: must be an object."

    def test_names_the_line_of_the_workout(self) -> None:
        file = read([RUN, {**RUN, "type": ""}, RUN], indent=1)
        assert [found.line for found in file.workouts] == [2, 12]
        assert [found.line for found in file.problems] == [7]

    def test_reports_duplicate_id(self) -> None:
        file = read([{**RUN, "id": ID}, {**RUN, "id": ID.upper()}], indent=1)
        [found] = file.problems
        assert (found.line, found.message) == (8, "id: must be unique; line 2 has it, too.")

    @pytest.mark.parametrize(
        ("end", "message"),
        [
            (b"", "The file ends here, before its last bracket; it may be incomplete."),
            (b",\n{'a'", "The file is not valid JSON from here on; nothing after it was read."),
            (b",\n" + b"[" * 100_000, "The file is not valid JSON from here on; nothing after it "),
            (b" 5", "The file is not valid JSON from here on; nothing after it was read."),
        ],
    )
    def test_broken_file_keeps_the_workouts_before(self, end: bytes, message: str) -> None:
        file = read_bytes(b"[" + json.dumps(RUN).encode() + end)
        assert len(file.workouts) == 1
        [found] = file.problems
        assert found.message.startswith(message)

    @pytest.mark.parametrize("filler", [b'"' + b"x" * 2 * MAX_ELEMENT_CHARACTERS, b"[0," * 300_000])
    def test_too_large_workout_ends_the_file(self, filler: bytes) -> None:
        file = read_bytes(b"[" + json.dumps(RUN).encode() + b",\n" + filler)
        [found] = file.problems
        assert found.line == 2
        assert found.message.startswith("The workout that begins here is too large")

    @pytest.mark.parametrize(
        "data", [b"", b"5", b"{}", b'{"workouts":5}', b'{"a":[]}', b'{"workouts"', b"\0"]
    )
    def test_rejects_a_file_without_a_list(self, data: bytes) -> None:
        with pytest.raises(UnreadableFile, match="not a list of workouts"):
            read_bytes(data)

    def test_rejects_another_encoding(self) -> None:
        with pytest.raises(UnreadableFile, match="neither UTF-8 nor UTF-16"):
            read_bytes(b'[{"type":"\xff"}]')


class TestRobustness:
    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=60), st.sampled_from([b"", b"[", b"[{", b'{"workouts":[']))
    def test_accepts_or_rejects_any_bytes(self, data: bytes, start: bytes) -> None:
        try:
            file = read_bytes(start + data)
        except UnreadableFile:
            return
        assert all(found.message.endswith(".") for found in file.problems)

    def test_large_workouts_are_read_across_chunks(self) -> None:
        workouts = [{**RUN, "notes": "é" * length} for length in range(0, 10_000, 97)]
        file = read(workouts, ensure_ascii=False)
        lengths = [len(found.workout.notes) for found in file.workouts]
        assert (lengths, file.problems) == (list(range(0, 10_000, 97)), [])

"""Limits of exercises, sets and start times: accepted at the limit, rejected by name beyond it."""

from typing import Any

import pytest

from tests.services.workout.diary import FIELDS, Diary, violates
from tests.services.workout.training import messages

WRONG_EXERCISES: list[tuple[str, dict[str, Any]]] = [
    ("name", {"name": ""}),
    ("name", {}),
    ("name", {"name": " \t\u3000"}),
    ("name", {"name": "x" * 101}),
    ("name", {"name": "🏋" * 101}),
    ("name", {"name": "Squat\0"}),
    ("notes", {"notes": "x" * 2_001}),
    ("notes", {"notes": "\0"}),
    ("superset", {"superset": -1}),
    ("superset", {"superset": 11}),
    ("sets", {"sets": [{}] * 101}),
]
WRONG_SETS: list[tuple[str, dict[str, Any]]] = [
    *(("kind", {"kind": kind}) for kind in ("", "Normal", "warm-up", "working", "\0")),
    ("reps", {"reps": -1}),
    ("reps", {"reps": 10_001}),
    ("duration_seconds", {"durationSeconds": -1}),
    ("duration_seconds", {"durationSeconds": 604_801}),
    *(("rpe", {"rpe": rpe}) for rpe in (0, 0.5, 10.5, 8.25, 7.1, "NaN", "Infinity")),
    ("notes", {"notes": "x" * 501}),
    ("notes", {"notes": "\0"}),
    *(
        ("weight.value", {"weight": {"value": value, "unit": "kg"}})
        for value in (
            10_000.001,
            -10_000.001,
            0.0001,
            102.5001,
            1e-9,
            0.1 + 0.2,
            "NaN",
            "-Infinity",
        )
    ),
    *(
        ("distance.value", {"distance": {"value": value, "unit": "m"}})
        for value in (10_000_000.001, -0.001, 5.0205, 1e300, "NaN", "Infinity")
    ),
    *(
        ("weight.unit", {"weight": {"value": 1, "unit": unit}})
        for unit in ("", "KG", "kgs", "st", "m")
    ),
    *(
        ("distance.unit", {"distance": {"value": 1, "unit": unit}})
        for unit in ("", "KM", "ft", "kg", "metre")
    ),
]
# Each at both ends.
EXERCISES_AT_LIMIT: list[dict[str, Any]] = [
    {"name": "x"},
    {"name": "x" * 100},
    {"name": "🏋" * 100},
    {"notes": "🏋" * 2_000},
    {"superset": 0},
    {"superset": 10},
    {"sets": [{}] * 100},
]
SETS_AT_LIMIT: list[dict[str, Any]] = [
    {"reps": 0},
    {"reps": 10_000},
    {"durationSeconds": 0},
    {"durationSeconds": 604_800},
    *({"rpe": half / 2} for half in range(2, 21)),
    {"notes": "🏋" * 500},
    *({"kind": kind} for kind in ("normal", "warmup", "drop", "failure")),
    *(
        {"weight": {"value": value, "unit": unit}}
        for value in (10_000, -10_000, 0, 0.001, -0.001, 9_999.999, 102.5, 45.359)
        for unit in ("kg", "lb")
    ),
    *(
        {"distance": {"value": value, "unit": unit}}
        for value in (10_000_000, 0, 0.001, 9_999_999.999, 5.02)
        for unit in ("m", "km", "mi", "yd")
    ),
]
NO_TIMES = [
    "2026-02-07",
    "18:30",
    "2026-02-07T18:30:00",
    "2026-02-07 18:30:00+01:00",
    "2026-02-07T18:30+01:00",
    "2026-02-07T18:30:00+01",
    "2026-02-07T18:30:00+0100",
    "2026-02-07T24:00:00Z",
    "2026-02-07T18:60:00Z",
    "2026-02-07T18:30:61Z",
    "2026-02-07T18:30:00+24:00",
    "2026-02-07T18:30:00+01:60",
    "2023-02-29T18:30:00Z",
    "2026-13-01T18:30:00Z",
    "0000-01-01T18:30:00Z",
    "20260207T183000Z",
    "2026-W06-6T18:30:00Z",
    "2026-02-07T18:30:00Z\n",
    "2026-02-07T18:30:00Z\0",
    " 2026-02-07T18:30:00Z",
    "٢٠٢٦-٠٢-٠٧T18:30:00Z",
    "2026-02-07T18:30:00." + "1" * 30 + "Z",
    "now",
    "\0",
]
TIMES = [
    "2026-02-07T18:30:00+01:00",
    "2026-02-07T18:30:00Z",
    "2026-02-07T18:30:00-00:00",
    "2026-02-07T00:00:00+14:00",
    "2026-02-07T23:59:59-12:00",
    "2026-02-07T18:30:00+05:45",
    "2026-02-07T18:30:00.5+01:00",
    "2026-02-07T18:30:00.123456789Z",
    "2024-02-29T18:30:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
]


class TestInvalidExercises:
    async def test_are_rejected_by_name_in_every_write(self, diary: Diary) -> None:
        workout = await diary.create()
        for field, wrong in WRONG_EXERCISES:
            exercises = messages([{"name": "Squat"}, {"name": "Squat", **wrong} if wrong else {}])
            with violates(f"exercises[1].{field}"):
                await diary.create(exercises=exercises)
            with violates(f"replacement.exercises[1].{field}"):
                await diary.replace(workout.id, **FIELDS, exercises=exercises)
            with violates(f"patch.exercises[1].{field}"):
                await diary.patch(workout.id, exercises=exercises)
        assert await diary.all() == [workout]

    async def test_sets_are_rejected_by_name_in_every_write(self, diary: Diary) -> None:
        workout = await diary.create()
        for field, wrong in WRONG_SETS:
            exercises = messages([{"name": "Squat"}, {"name": "Squat", "sets": [{}, wrong]}])
            with violates(f"exercises[1].sets[1].{field}"):
                await diary.create(exercises=exercises)
            with violates(f"replacement.exercises[1].sets[1].{field}"):
                await diary.replace(workout.id, **FIELDS, exercises=exercises)
            with violates(f"patch.exercises[1].sets[1].{field}"):
                await diary.patch(workout.id, exercises=exercises)
        assert await diary.all() == [workout]

    async def test_more_than_100_are_rejected(self, diary: Diary) -> None:
        workout = await diary.create()
        exercises = messages([{"name": "Squat"}] * 101)
        with violates("exercises"):
            await diary.create(exercises=exercises)
        with violates("replacement.exercises"):
            await diary.replace(workout.id, **FIELDS, exercises=exercises)
        with violates("patch.exercises"):
            await diary.patch(workout.id, exercises=exercises)
        assert await diary.all() == [workout]


class TestValidExercises:
    async def test_are_returned_exactly_at_limit(self, diary: Diary) -> None:
        exercises = messages([{"name": "Squat", **one} for one in EXERCISES_AT_LIMIT])
        created = await diary.create(exercises=exercises)
        assert list(created.exercises) == exercises
        assert await diary.get(created.id) == created

    async def test_sets_are_returned_exactly_at_limit(self, diary: Diary) -> None:
        sets = [SETS_AT_LIMIT[start : start + 100] for start in range(0, len(SETS_AT_LIMIT), 100)]
        exercises = messages([{"name": "Squat", "sets": some} for some in sets])
        created = await diary.create(exercises=exercises)
        assert list(created.exercises) == exercises
        assert await diary.get(created.id) == created

    async def test_100_of_100_sets_are_stored(self, diary: Diary) -> None:
        exercises = messages(
            [
                {"name": f"Exercise {number}", "sets": [{"reps": reps} for reps in range(100)]}
                for number in range(100)
            ]
        )
        created = await diary.create(exercises=exercises)
        assert (created.exercise_count, created.set_count) == (100, 10_000)
        assert list((await diary.get(created.id)).exercises) == exercises


class TestStartTime:
    async def test_is_returned_as_given(self, diary: Diary) -> None:
        workout = await diary.create()
        for time in TIMES:
            # It is not compared with the date.
            created = await diary.create(start_time=time)
            assert (created.start_time, created.date) == (time, FIELDS["date"])
            assert await diary.get(created.id) == created
            assert (await diary.patch(workout.id, start_time=time)).start_time == time
            assert (await diary.replace(workout.id, **FIELDS, start_time=time)).start_time == time

    @pytest.mark.parametrize("wrong", NO_TIMES, ids=ascii)
    async def test_is_rejected_if_no_time(self, diary: Diary, wrong: str) -> None:
        workout = await diary.create()
        with violates("start_time"):
            await diary.create(start_time=wrong)
        with violates("replacement.start_time"):
            await diary.replace(workout.id, **FIELDS, start_time=wrong)
        with violates("patch.start_time"):
            await diary.patch(workout.id, start_time=wrong)
        assert await diary.all() == [workout]

    async def test_is_cleared_by_empty_text(self, diary: Diary) -> None:
        workout = await diary.create(start_time="2026-02-07T18:30:00Z")
        assert not (await diary.patch(workout.id, start_time="")).HasField("start_time")

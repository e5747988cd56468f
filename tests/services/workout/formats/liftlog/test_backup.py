"""Backups of LiftLog: every version of the app, and sessions that cannot be read as a whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.services.workout.formats.liftlog import backup
from server.services.workout.formats.model import Format, ReadFile, ReadOptions, UnreadableFile
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.liftlog.backups import (
    TABLE,
    compressed,
    database,
    done,
    exercises,
    read_sessions,
    session,
    weighted,
)

CASES = Path(__file__).parents[1] / "cases"


def read(name: str) -> ReadFile:
    with (CASES / f"{name}.liftlogbackup.gz").open("rb") as file:
        return backup.read(file, ReadOptions())


class TestVersionsOfTheApp:
    def test_reads_september_2026(self) -> None:
        file = read("app-september-2026")
        assert file.format is Format.LIFTLOG
        assert [
            (found.workout.date.isoformat(), found.workout.type, found.workout.start_time)
            for found in file.workouts
        ] == [
            ("2026-02-17", "Push", "2026-02-17T07:25:53+11:00"),
            ("2026-02-17", "Run", "2026-02-17T18:40:00+11:00"),
            ("2026-02-19", "Pull (lb)", "2026-02-20T00:12:00+11:00"),
            ("2026-02-22", "Unicode 🏋️", "2026-02-22T10:00:00+01:00"),
        ]
        push, run, pull, german = (found.workout for found in file.workouts)
        assert push.exercises == (
            Exercise(
                "Bench Press",
                "elbows in",
                sets=(
                    Set(reps=8, weight=60.0, weight_unit="kg"),
                    Set(reps=6, weight=62.5, weight_unit="kg"),
                    Set(weight=60.0, weight_unit="kg", completed=False),
                ),
            ),
            Exercise("Dips", "", 0, (Set(reps=8, weight=10.0, weight_unit="kg"),)),
            Exercise("Face Pull", "", 0, (Set(reps=12, weight=22.5, weight_unit="kg"),)),
        )
        assert run.exercises[0].sets == (Set(distance=5.02, distance_unit="km", duration=1_777),)
        assert pull.exercises[0].sets == (Set(reps=5, weight=225.0, weight_unit="lb"),)
        assert (pull.notes, german.exercises[0].notes) == (
            "over midnight, still the 19th",
            "tief\nlangsam",
        )
        # From 7:25:53 to 7:41:30.
        assert [found.workout.duration for found in file.workouts] == [16, 60, 60, 60]
        assert [found.duration_assumed for found in file.workouts] == [False, True, True, True]
        assert {found.source for found in file.workouts} == {"liftlog"}

    def test_counts_what_is_left_out(self) -> None:
        file = read("app-september-2026")
        assert (file.problems, file.columns_not_read) == ([], ["bodyweight"])
        assert file.warnings == [
            "1 session is still under way and was left out.",
            "1 session has no set that was done and was left out.",
            "The length of 3 workouts is not in the file; it was taken as 60 minutes.",
        ]

    def test_a_corrected_set_changes_one_workout(self) -> None:
        before = {one.workout.id: one for one in read("app-september-2026").workouts}
        corrected = read("app-september-2026-one-set-corrected").workouts
        assert {one.workout.id for one in corrected} == before.keys()
        [changed] = [one for one in corrected if one != before[one.workout.id]]
        assert changed.workout.exercises[0].sets[1].reps == 7

    def test_reads_early_2026(self) -> None:
        [found] = read("app-early-2026").workouts
        assert found.workout.date.isoformat() == "2025-11-03"
        assert found.workout.exercises[0].sets == (
            Set(reps=5, weight=70.0, weight_unit="kg"),
            Set(weight=70.0, weight_unit="kg", completed=False),
        )

    def test_rejects_2024(self) -> None:
        with pytest.raises(UnreadableFile) as caught:
            read("app-2024-protobuf")
        assert str(caught.value) == (
            "The backup has no SQLite database inside. Before 2026, LiftLog wrote another format: "
            "export it again with the current version of the app."
        )


@pytest.mark.extended
class TestSets:
    @pytest.mark.parametrize(
        ("weight", "expected"),
        [
            ({"value": "17.5", "unit": "kilograms"}, (17.5, "kg")),
            ({"value": 17.5, "unit": "pounds"}, (17.5, "lb")),
            ({"value": 45.3592370004, "unit": "kilograms"}, (45.359, "kg")),
            ({"value": "0", "unit": "kilograms"}, (None, None)),
            ({"value": "5", "unit": "nil"}, (None, None)),
            (None, (None, None)),
        ],
    )
    def test_weight(self, tmp_path: Path, weight: object, expected: tuple[Any, Any]) -> None:
        file = read_sessions(tmp_path, session(weighted(done(weight=weight))))
        assert exercises(file)[0].sets == (Set(None, 5, *expected),)
        assert not any("malformed" in warning for warning in file.warnings)

    def test_cardio(self, tmp_path: Path) -> None:
        one = {
            "duration": "PT1H2M3.5S",
            "distance": {"value": "2", "unit": "mile"},
            "resistance": "5",
            "incline": 2,
            "steps": 3000,
            "weight": {"value": 10, "unit": "kilograms"},
        }
        cardio = {
            "type": "RecordedCardioExercise",
            "blueprint": {"name": "Walk"},
            "sets": [one, {}],
        }
        expected = Set(
            weight=10.0,
            weight_unit="kg",
            distance=2.0,
            distance_unit="mi",
            duration=3_724,
            notes="resistance 5, incline 2, steps 3000",
        )
        file = read_sessions(tmp_path, session(cardio))
        assert exercises(file)[0].sets == (expected, Set(completed=False))

    @pytest.mark.parametrize(
        ("unit", "expected"),
        [("kilometre", "km"), ("metre", "m"), ("mile", "mi"), ("yard", "yd")],
    )
    def test_units_of_distances(self, tmp_path: Path, unit: str, expected: str) -> None:
        one = {"distance": {"value": "1", "unit": unit}}
        cardio = {"type": "RecordedCardioExercise", "blueprint": {"name": "Run"}, "sets": [one]}
        [found] = exercises(read_sessions(tmp_path, session(cardio)))[0].sets
        assert (found.distance, found.distance_unit) == (1.0, expected)

    def test_cardio_of_earlier_payloads_is_one_set(self, tmp_path: Path) -> None:
        cardio = {
            "type": "RecordedCardioExercise",
            "blueprint": {"name": "Run"},
            "duration": "PT10M",
            "completionDateTime": "2026-02-17T07:25+11:00",
        }
        file = read_sessions(tmp_path, session(cardio))
        assert exercises(file)[0].sets == (Set(duration=600),)
        assert file.workouts[0].workout.start_time == "2026-02-17T07:25:00+11:00"


@pytest.mark.extended
class TestSupersets:
    def test_chains_are_numbered(self, tmp_path: Path) -> None:
        links = [True, True, False, False, True, False, True]
        blocks = [
            weighted(done(), blueprint={"name": str(index), "supersetWithNext": link})
            for index, link in enumerate(links)
        ]
        found = exercises(read_sessions(tmp_path, session(*blocks)))
        assert [one.superset for one in found] == [0, 0, 0, None, 1, 1, None]

    def test_the_eleventh_chain_is_the_last(self, tmp_path: Path) -> None:
        pair = [
            weighted(done(), blueprint={"name": "A", "supersetWithNext": True}),
            weighted(done(), blueprint={"name": "B", "supersetWithNext": False}),
        ]
        file = read_sessions(tmp_path, session(*pair * 12))
        assert [one.superset for one in exercises(file)][-4:] == [10, 10, None, None]
        assert any("malformed" in warning for warning in file.warnings)


@pytest.mark.extended
class TestTimes:
    def test_length_is_from_first_to_last_completion(self, tmp_path: Path) -> None:
        # In instants: the second is the first, at 20:00 and 20:01:29 UTC.
        sets = [done(at="2026-02-17T07:01:29+11:00"), done(at="2026-02-16T21:00:00+01:00")]
        [found] = read_sessions(tmp_path, session(weighted(*sets))).workouts
        assert found.workout.start_time == "2026-02-16T21:00:00+01:00"
        assert (found.workout.duration, found.duration_assumed) == (1, False)
        assert found.workout.date.isoformat() == "2026-02-17"

    def test_utc_is_converted_to_the_time_zone(self, tmp_path: Path) -> None:
        payload = session(weighted(done(at="2026-02-17T07:00:00Z")))
        options = ReadOptions(time_zone="Australia/Sydney")
        [found] = read_sessions(tmp_path, payload, options=options).workouts
        assert found.workout.start_time == "2026-02-17T18:00:00+11:00"

    def test_missing_date_is_that_of_the_first_set(self, tmp_path: Path) -> None:
        [found] = read_sessions(tmp_path, session(weighted(done()), date=None)).workouts
        assert found.workout.date.isoformat() == "2026-02-17"

    def test_impossible_length_is_assumed(self, tmp_path: Path) -> None:
        sets = [done(), done(at="2026-03-17T07:25:00+11:00")]
        [found] = read_sessions(tmp_path, session(weighted(*sets))).workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)


@pytest.mark.extended
class TestLeniency:
    @pytest.mark.parametrize(
        "bad",
        [
            *(None, 5, "x", [], {"type": "RecordedYoga"}),
            weighted({"set": {"repsCompleted": "x"}}),
            weighted({"set": {"repsCompleted": 10_001}}),
            weighted({"set": 5}),
            weighted(potentialSets=5),
            weighted(done(weight={"value": "x", "unit": "kilograms"})),
            weighted(done(weight={"value": "5", "unit": "stone"})),
            weighted(done(at="yesterday")),
        ],
    )
    def test_malformed_part_costs_that_part(self, tmp_path: Path, bad: object) -> None:
        file = read_sessions(tmp_path, session(bad, weighted(done(), name="Good")))
        assert exercises(file)[-1] == Exercise("Good", sets=(Set(reps=5),))
        warning = "1 part of a session is unknown or malformed and was left out."
        assert file.warnings[0] == warning

    @pytest.mark.parametrize("payload", ["", "x", "[]", "5", "null", "[" * 100_000, None, b"\xff"])
    def test_malformed_session_costs_that_session(self, tmp_path: Path, payload: object) -> None:
        table = TABLE.replace(" not null)", ")")
        good = json.dumps(session(weighted(done())))
        path = database(tmp_path, table, rows=[("a", 0, payload), ("b", 0, good)])
        file = backup.read(compressed(path), ReadOptions())
        assert len(file.workouts) == 1
        assert file.warnings[0] == "1 session cannot be read and was left out."

    def test_texts_become_storable(self, tmp_path: Path) -> None:
        name = "a\0b\ud800" + "x" * 200
        exercise = weighted(done(), name=name, notes="y" * 2_001)
        about = {"name": None, "notes": "z" * 10_001}
        file = read_sessions(tmp_path, session(exercise, blueprint=about))
        [found] = file.workouts
        assert found.workout.exercises[0].name == "a\ufffdb\ufffd" + "x" * 95 + "…"
        assert found.workout.exercises[0].notes == "y" * 1_999 + "…"
        assert (found.workout.type, found.workout.notes) == ("Workout", "z" * 9_999 + "…")
        assert "3 texts were too long and were shortened." in file.warnings

    def test_blueprint_notes_stand_in_for_recorded_ones(self, tmp_path: Path) -> None:
        blueprint = {"name": "Squat", "notes": "deep"}
        blocks = [
            weighted(done(), blueprint=blueprint, notes=notes) for notes in ("fast", "", None)
        ]
        found = exercises(read_sessions(tmp_path, session(*blocks)))
        assert [one.notes for one in found] == ["fast", "deep", "deep"]

    def test_limits_exercises_and_sets(self, tmp_path: Path) -> None:
        file = read_sessions(tmp_path, session(*[weighted(*[done()] * 101)] * 101))
        found = exercises(file)
        assert (len(found), {len(one.sets) for one in found}) == (100, {100})
        assert file.warnings[0].startswith("101 parts of sessions")

"""Hevy's exports."""

import datetime as dt

import pytest

from server.services.workout.formats.model import Format, Problem
from server.services.workout.model import Exercise, Set
from tests.services.workout.formats.reading import HEVY, exercises, kg, lb, problem, read, workouts

DATE_WRONG = "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30"


def one_workout(start: str = "15 Jan 2024, 18:30", end: str = "15 Jan 2024, 19:35") -> str:
    return f'"Push","{start}","{end}","","Dip",,"",0,"normal",,5,,,\n'


def row(exercise: str, superset: str = "", notes: str = "", index: int = 0, kind: str = "") -> str:
    start = '"A","15 Jan 2024, 18:30","15 Jan 2024, 19:35",""'
    return f'{start},"{exercise}",{superset},"{notes}",{index},"{kind}",,5,,,\n'


class TestHevy:
    def test_reads_export(self) -> None:
        push = '"Push 🏋️","15 Jan 2024, 18:30","15 Jan 2024, 19:35","Felt\n""good"""'
        text = HEVY + (
            f'{push},"Bench Press (Barbell)",,"Pause",0,"warmup",40,10,,,\n'
            f'{push},"Bench Press (Barbell)",,"Pause",1,"normal",82.5,5,,,8.5\n'
            f'{push},"Row",1,"",0,"dropset",50,12,,,\n'
            f'{push},"Row",1,"",1,"failure",40,8,,,\n'
            '"ラン","2 Feb 2024, 23:30","3 Feb 2024, 00:15","",'
            '"Treadmill",,"",0,"normal",,,2.5,900,\n'
        )
        file = read(text)
        assert (file.format, file.problems, file.columns_not_read) == (Format.HEVY, [], [])
        first, run = file.workouts
        assert (first.line, first.workout.type, first.workout.duration) == (2, "Push 🏋️", 65)
        assert (first.workout.notes, first.source) == ('Felt\n"good"', "hevy")
        assert first.workout.exercises == (
            Exercise(
                "Bench Press (Barbell)",
                "Pause",
                sets=(kg(40, 10)._replace(kind="warmup"), kg(82.5, 5)._replace(rpe=8.5)),
            ),
            Exercise(
                "Row",
                superset=1,
                sets=(kg(50, 12)._replace(kind="drop"), kg(40, 8)._replace(kind="failure")),
            ),
        )
        assert (run.line, run.workout.type, run.workout.duration) == (10, "ラン", 45)
        assert run.workout.date == dt.date(2024, 2, 2)
        treadmill = Set(distance=2.5, distance_unit="km", duration=900)
        assert run.workout.exercises == (Exercise("Treadmill", sets=(treadmill,)),)

    def test_reads_units_in_titles(self) -> None:
        header = HEVY.replace("weight_kg", "weight_lbs").replace("distance_km", "distance_miles")
        text = '"A","15 Jan 2024, 18:30","","","Sled",,"",0,"normal",225,,2,,\n'
        [exercise] = exercises(header + text)
        assert exercise.sets == (lb(225)._replace(distance=2, distance_unit="mi"),)

    def test_keeps_weight_of_zero(self) -> None:
        text = '"A","15 Jan 2024, 18:30","","","Squat",,"",0,"normal",0,5,0,0,\n'
        assert exercises(HEVY + text)[0].sets == (kg(0, 5),)

    def test_reads_export_without_optional_columns(self) -> None:
        [found] = read("title,start_time,exercise_title,reps\nA,2024-01-15,Dip,5\n").workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert found.workout.exercises == (Exercise("Dip", sets=(Set(reps=5),)),)

    def test_id_is_independent_of_time_format(self) -> None:
        times = ["15 Jan 2024, 18:30", "Jan 15, 2024, 6:30 PM", "2024-01-15 18:30:00"]
        ids = {workouts(HEVY + one_workout(start, ""))[0].id for start in times}
        assert [str(one) for one in ids] == ["a337a2a1-95ef-5c45-8d0c-1c66ba7422a0"]

    def test_sorts_workouts_by_start(self) -> None:
        text = one_workout("16 Jan 2024, 18:30", "") + one_workout("15 Jan 2024, 18:30", "")
        assert [workout.date.day for workout in workouts(HEVY + text)] == [15, 16]


class TestExercises:
    def test_restarting_index_begins_another(self) -> None:
        rows = [row("Squat", index=index) for index in (0, 1, 0, 1, 2)]
        assert [len(one.sets) for one in exercises(HEVY + "".join(rows))] == [2, 3]

    def test_constant_index_means_nothing(self) -> None:
        assert [len(one.sets) for one in exercises(HEVY + row("Squat") * 3)] == [3]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (row("Squat", superset="0"), row("Squat", superset="1")),
            (row("Squat", superset="0"), row("Squat")),
            (row("Squat", notes="light"), row("Squat", notes="heavy")),
        ],
    )
    def test_other_superset_or_notes_begin_another(self, first: str, second: str) -> None:
        assert len(exercises(HEVY + first + second)) == 2

    def test_superset_keeps_order(self) -> None:
        names = ["Curl", "Dip", "Curl", "Dip"]
        rows = [row(name, superset="0", index=place // 2) for place, name in enumerate(names)]
        found = exercises(HEVY + "".join(rows))
        assert [(one.name, one.superset) for one in found] == [(name, 0) for name in names]

    @pytest.mark.parametrize(("text", "superset"), [("0", 0), ("10", 10), ("", None)])
    def test_superset(self, text: str, superset: int | None) -> None:
        assert exercises(HEVY + row("Squat", superset=text))[0].superset == superset

    @pytest.mark.parametrize("text", ["11", "-1", "x", "9" * 99])
    def test_other_superset_is_left_out_with_warning(self, text: str) -> None:
        file = read(HEVY + row("Squat", superset=text))
        assert file.workouts[0].workout.exercises[0].superset is None
        expected = "superset_id: supersets other than 0 to 10 were left out (line 2)."
        assert (file.problems, file.warnings) == ([], [expected])

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            *(("normal", None), ("", None), ("warmup", "warmup"), ("warm_up", "warmup")),
            *(("dropset", "drop"), ("drop", "drop"), ("failure", "failure"), ("left", None)),
        ],
    )
    def test_kind(self, word: str, kind: str | None) -> None:
        file = read(HEVY + row("Squat", kind=word))
        assert file.workouts[0].workout.exercises[0].sets[0].kind == kind
        assert bool(file.warnings) == (word == "left")


class TestTimes:
    @pytest.mark.parametrize(
        ("start", "end", "day", "minutes"),
        [
            ("15 Jan 2024, 18:30", "15 Jan 2024, 19:35", "2024-01-15", 65),
            ("29 Feb 2024, 23:50", "1 Mar 2024, 00:20", "2024-02-29", 30),
            ("5 September 2024, 07:05", "5 Sept 2024, 08:05", "2024-09-05", 60),
            ("May 15, 2026, 7:26 PM", "May 15, 2026, 7:42 PM", "2026-05-15", 16),
            ("Dec 31, 2026, 12:05 AM", "Dec 31, 2026, 12:05 PM", "2026-12-31", 720),
            ("2024-01-15 18:30:00", "2024-01-15 19:34:30", "2024-01-15", 65),
            ("2024-01-15T23:00:00+01:00", "2024-01-15T22:30:00Z", "2024-01-15", 30),
            ("2024-01-15T23:00:00-03:30", "2024-01-16T03:00:00+00:00", "2024-01-15", 30),
            ("1 Jan 2024, 18:30", "8 Jan 2024, 18:30", "2024-01-01", 10_080),
        ],
    )
    def test_are_read(self, start: str, end: str, day: str, minutes: int) -> None:
        [found] = read(HEVY + one_workout(start, end)).workouts
        assert found.workout.date.isoformat() == day
        assert (found.workout.duration, found.duration_assumed) == (minutes, False)

    @pytest.mark.parametrize("end", ["", "15 Jan 2024, 18:30"])
    def test_missing_end_is_assumed(self, end: str) -> None:
        file = read(HEVY + one_workout(end=end))
        [found] = file.workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert file.warnings == []

    @pytest.mark.parametrize("end", ["15 Jan 2024, 18:29", "22 Jan 2024, 18:31"])
    def test_end_out_of_range_is_assumed_with_warning(self, end: str) -> None:
        file = read(HEVY + one_workout(end=end))
        [found] = file.workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert (file.problems, len(file.warnings)) == ([], 1)

    @pytest.mark.parametrize("start", ["29 Feb 2023, 18:30", "1 J 2024, 18:30", ""])
    def test_invalid_start_costs_row(self, start: str) -> None:
        file = read(HEVY + one_workout() + one_workout(start))
        assert file.problems == [Problem(3, f"start_time: {start!r} {DATE_WRONG}.")]
        assert [found.line for found in file.workouts] == [2]

    def test_invalid_end_costs_row(self) -> None:
        found = problem(HEVY + one_workout(end="late"))
        assert found == Problem(2, f"end_time: 'late' {DATE_WRONG}.")

    @pytest.mark.parametrize(("minute", "count"), [(35, 2), (36, 2)])
    def test_description_or_end_distinguish_workouts(self, minute: int, count: int) -> None:
        other = one_workout(end=f"15 Jan 2024, 19:{minute}").replace('35",""', '35","x"')
        found = workouts(HEVY + one_workout() + other)
        assert len(found) == len({workout.id for workout in found}) == count

    def test_row_without_description_belongs_to_workout_before(self) -> None:
        first = one_workout().replace('35",""', '35","x"')
        [found] = workouts(HEVY + first + one_workout())
        assert (found.notes, len(found.exercises[0].sets)) == ("x", 2)

    def test_order_of_file_plays_no_part(self) -> None:
        rows = [one_workout(end=f"15 Jan 2024, 19:{minute}") for minute in (20, 35, 50)]
        found = workouts(HEVY + "".join(rows))
        assert workouts(HEVY + "".join(reversed(rows)))[::-1] == found

"""Hevy's exports."""

import pytest

from server.services.workout.formats.model import Format, Problem, ReadFile
from server.services.workout.formats.read import read_file

HEADER = (
    '"title","start_time","end_time","description","exercise_title","superset_id",'
    '"exercise_notes","set_index","set_type","weight_kg","reps","distance_km",'
    '"duration_seconds","rpe"\n'
)


DATE_WRONG = "is not a date such as 2024-01-15 18:30:00 or 15 Jan 2024, 18:30"


def read(text: str) -> ReadFile:
    file = read_file(text.encode(), format=None, default_duration=60)
    assert file.format is Format.HEVY
    return file


def one_set(start: str = "15 Jan 2024, 18:30", end: str = "15 Jan 2024, 19:35") -> str:
    return f'"Push","{start}","{end}","","Dip",,"",0,"normal",,5,,,\n'


class TestHevy:
    def test_reads_export(self) -> None:
        push = '"Push 🏋️","15 Jan 2024, 18:30","15 Jan 2024, 19:35","Felt\n""good"""'
        text = HEADER + (
            f'{push},"Bench Press (Barbell)",,"Pause",0,"warmup",40,10,,,\n'
            f'{push},"Bench Press (Barbell)",,"Pause",1,"normal",82.5,5,,,8.5\n'
            f'{push},"Row",1,"",0,"dropset",50,12,,,\n'
            f'{push},"Row",1,"",1,"failure",40,8,,,\n'
            '"ラン","2 Feb 2024, 23:30","3 Feb 2024, 00:15","",'
            '"Treadmill",,"",0,"normal",,,2.5,900,\n'
        )
        file = read(text)
        assert file.problems == []
        first, run = file.workouts
        assert (first.line, first.workout.type, first.workout.duration) == (2, "Push 🏋️", 65)
        assert first.workout.notes == (
            'Felt\n"good"\n'
            "Bench Press (Barbell): 40 kg × 10 (warm-up), 82.5 kg × 5 @8.5 (Pause)\n"
            "Row: 50 kg × 12 (drop set), 40 kg × 8 (failure) (superset 1)"
        )
        assert (run.line, run.workout.type, run.workout.duration) == (10, "ラン", 45)
        assert run.workout.date.isoformat() == "2024-02-02"
        assert run.workout.notes == "Treadmill: 2.5 km · 900 s"
        assert not first.duration_assumed and not run.duration_assumed

    @pytest.mark.parametrize(
        ("weight", "distance", "notes"),
        [
            ("weight_lbs", "distance_miles", "Sled: 225 lbs · 2 miles"),
            ("weight_kg", "distance_meters", "Sled: 225 kg · 2 meters"),
        ],
    )
    def test_reads_units_in_titles(self, weight: str, distance: str, notes: str) -> None:
        header = HEADER.replace("weight_kg", weight).replace("distance_km", distance)
        row = '"A","15 Jan 2024, 18:30","15 Jan 2024, 19:00","","Sled",,"",0,"normal",225,,2,,\n'
        [found] = read(header + row).workouts
        assert found.workout.notes == notes

    def test_reads_export_without_optional_columns(self) -> None:
        [found] = read("title,start_time,exercise_title,reps\nA,2024-01-15,Dip,5\n").workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)
        assert found.workout.notes == "Dip: 5 reps"

    def test_id_is_independent_of_time_format(self) -> None:
        times = ["15 Jan 2024, 18:30", "Jan 15, 2024, 6:30 PM", "2024-01-15 18:30:00"]
        ids = {read(HEADER + one_set(start, "")).workouts[0].workout.id for start in times}
        assert [str(one) for one in ids] == ["a337a2a1-95ef-5c45-8d0c-1c66ba7422a0"]


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
        ],
    )
    def test_reads_time_formats(self, start: str, end: str, day: str, minutes: int) -> None:
        [found] = read(HEADER + one_set(start, end)).workouts
        assert found.workout.date.isoformat() == day
        assert (found.workout.duration, found.duration_assumed) == (minutes, False)

    @pytest.mark.parametrize(
        ("month", "name"),
        [
            *((1, "Jan"), (2, "Feb"), (3, "Mar"), (4, "Apr"), (5, "May"), (6, "Jun")),
            *((7, "Jul"), (8, "Aug"), (9, "Sep"), (10, "Oct"), (11, "Nov"), (12, "Dec")),
        ],
    )
    def test_reads_months(self, month: int, name: str) -> None:
        [found] = read(HEADER + one_set(f"7 {name} 2024, 18:30", "")).workouts
        assert found.workout.date.isoformat() == f"2024-{month:02}-07"

    @pytest.mark.parametrize("end", ["", "15 Jan 2024, 18:30"])
    def test_assumes_missing_duration(self, end: str) -> None:
        [found] = read(HEADER + one_set(end=end)).workouts
        assert (found.workout.duration, found.duration_assumed) == (60, True)

    @pytest.mark.parametrize(
        "start", ["15 Oca 2024, 18:30", "29 Feb 2023, 18:30", "1 J 2024, 18:30", ""]
    )
    def test_reports_invalid_start(self, start: str) -> None:
        file = read(HEADER + one_set(start))
        lost = "the workouts next to this row were skipped, since it may be part of them."
        assert file.problems == [Problem(2, f"start_time: {start!r} {DATE_WRONG}; {lost}")]
        assert file.workouts == []

    def test_reports_invalid_end(self) -> None:
        file = read(HEADER + one_set(end="late"))
        expected = f"end_time: 'late' {DATE_WRONG}; its workout was skipped."
        assert (file.workouts, file.problems) == ([], [Problem(2, expected)])

    def test_reports_end_before_start_once(self) -> None:
        wrong = one_set("15 Jan 2024, 18:30", "15 Jan 2024, 18:29")
        file = read(HEADER + wrong + wrong + one_set("16 Jan 2024, 18:30", "16 Jan 2024, 18:31"))
        assert file.problems == [Problem(2, "end_time: must not be before the start.")]
        assert [found.line for found in file.workouts] == [4]

    def test_reports_workout_longer_than_a_week(self) -> None:
        assert read(HEADER + one_set("1 Jan 2024, 18:30", "8 Jan 2024, 18:30")).problems == []
        file = read(HEADER + one_set("1 Jan 2024, 18:30", "8 Jan 2024, 18:31"))
        message = "end_time: the workout must not be longer than 10,080 minutes (a week)."
        assert (file.workouts, file.problems) == ([], [Problem(2, message)])

"""Files for other apps: their layouts, and what our own readers of these apps find in them."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.services.workout.formats.apps.write import StrongWriter, fitnotes_header, fitnotes_lines
from server.services.workout.formats.model import Format, ReadFile, ReadOptions
from server.services.workout.formats.read import read_file
from server.services.workout.model import Exercise, Set, StoredWorkout, Workout
from tests.services.workout.formats.workouts import LOGS, stored

ID = UUID("0b5c3f0e-1111-4222-8333-944445555666")
CREATED = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
BENCH = Exercise(
    "Bench Press",
    "elbows in",
    0,
    (
        Set("warmup", 10, 40.0, "kg"),
        Set(reps=5, weight=225.0, weight_unit="lb", rpe=8.5, notes="slow; hard"),
        Set("failure", 3, 102.5, "kg"),
        Set(reps=5, weight=60.0, weight_unit="kg", completed=False),
    ),
)
RUN = Exercise("Run", sets=(Set(distance=5.02, distance_unit="km", duration=3_777),))
SWIM = Exercise("Swim", sets=(Set(distance=100.0, distance_unit="yd"),))


def example(
    *exercises: Exercise, start_time: str = "2024-02-29T18:30:15+01:00", number: int = 0
) -> StoredWorkout:
    id_ = uuid5(ID, str(number))
    workout = Workout(id_, dt.date(2024, 2, 29), "Push", 65, "wet", start_time, exercises)
    return stored(workout, "", CREATED)


def fitnotes(*log: StoredWorkout) -> bytes:
    return fitnotes_header() + b"".join(map(fitnotes_lines, log))


def strong(*log: StoredWorkout) -> bytes:
    writer = StrongWriter()
    return writer.header() + b"".join(map(writer.lines, log))


def read(data: bytes) -> ReadFile:
    return read_file(BytesIO(data), format=None, options=ReadOptions())


def sets(file: ReadFile) -> list[tuple[str, Set]]:
    """Return the measurements of all sets with the names of their exercises."""
    return [
        (exercise.name, one._replace(kind=None, rpe=None, notes=""))
        for found in file.workouts
        for exercise in found.workout.exercises
        for one in exercise.sets
    ]


STRONG_HEADER = (
    "Date;Workout Name;Exercise Name;Set Order;Weight;Weight Unit;Reps;RPE;Distance;Distance Unit;"
    "Seconds;Notes;Workout Notes;Workout Duration"
)
DONE = [
    ("Bench Press", Set(reps=10, weight=40.0, weight_unit="kg")),
    ("Bench Press", Set(reps=5, weight=225.0, weight_unit="lb")),
    ("Bench Press", Set(reps=3, weight=102.5, weight_unit="kg")),
    ("Run", Set(distance=5.02, distance_unit="km", duration=3_777)),
    ("Swim", Set(distance=100.0, distance_unit="yd")),
]


class TestFitNotes:
    def test_layout(self) -> None:
        assert fitnotes(example(BENCH, RUN)).decode().splitlines() == [
            "Date,Exercise,Category,Weight,Weight Unit,Reps,Distance,Distance Unit,Time,Comment",
            "2024-02-29,Bench Press,Push,40,kgs,10,,,,elbows in",
            "2024-02-29,Bench Press,Push,225,lbs,5,,,,slow; hard",
            "2024-02-29,Bench Press,Push,102.5,kgs,3,,,,",
            "2024-02-29,Run,Push,,,,5.02,km,1:02:57,",
        ]

    def test_is_read_with_the_same_sets(self) -> None:
        file = read(fitnotes(example(BENCH, RUN, SWIM)))
        assert (file.format, file.problems) == (Format.FITNOTES, [])
        assert sets(file) == DONE
        [found] = file.workouts
        assert (found.workout.date.isoformat(), found.workout.type) == ("2024-02-29", "Push")

    def test_workouts_of_a_day_are_one(self) -> None:
        file = read(fitnotes(example(RUN), example(SWIM, number=1)))
        assert len(file.workouts) == 1
        assert [name for name, _ in sets(file)] == ["Run", "Swim"]


class TestStrong:
    def test_layout(self) -> None:
        assert strong(example(BENCH, RUN)).decode().splitlines() == [
            STRONG_HEADER,
            "2024-02-29 18:30:15;Push;Bench Press;W;40;kg;10;;;;;elbows in;wet;1h 5m",
            '2024-02-29 18:30:15;Push;Bench Press;1;225;lbs;5;8.5;;;;"slow; hard";wet;1h 5m',
            "2024-02-29 18:30:15;Push;Bench Press;F;102.5;kg;3;;;;;;wet;1h 5m",
            "2024-02-29 18:30:15;Push;Run;1;;;;;5.02;km;3777;;wet;1h 5m",
        ]

    def test_is_read_with_the_same_sets(self) -> None:
        file = read(strong(example(BENCH, RUN, SWIM)))
        assert (file.format, file.problems) == (Format.STRONG, [])
        assert sets(file) == DONE
        [found] = file.workouts
        workout = found.workout
        assert (workout.type, workout.duration, workout.notes) == ("Push", 65, "wet")
        assert workout.start_time.startswith("2024-02-29T18:30:15")
        kinds = [(one.kind, one.rpe) for one in workout.exercises[0].sets]
        assert kinds == [("warmup", None), (None, 8.5), ("failure", None)]

    def test_workouts_without_start_stay_apart(self) -> None:
        log = [example(RUN, start_time="", number=number) for number in range(3)]
        starts = [line.split(";")[0] for line in strong(*log).decode().splitlines()[1:]]
        assert starts == [f"2024-02-29 12:00:0{second}" for second in range(3)]
        assert len(read(strong(*log)).workouts) == 3

    @pytest.mark.parametrize(
        ("starts", "written"),
        [
            (("12:00:00", "12:00:00", "12:00:01"), ("12:00:00", "12:00:01", "12:00:02")),
            (("12:00:01", "12:00:00", "12:00:00"), ("12:00:01", "12:00:00", "12:00:02")),
            (("12:00:00", "12:00:00.5"), ("12:00:00", "12:00:01")),
            (("", "12:00:00"), ("12:00:00", "12:00:01")),
        ],
    )
    def test_workouts_of_near_starts_stay_apart(
        self, starts: tuple[str, ...], written: tuple[str, ...]
    ) -> None:
        log = [
            example(RUN, start_time=start and f"2024-02-29T{start}Z", number=number)
            for number, start in enumerate(starts)
        ]
        lines = strong(*log).decode().splitlines()[1:]
        assert [line.split(";")[0] for line in lines] == [f"2024-02-29 {one}" for one in written]
        assert len(read(strong(*log)).workouts) == len(starts)

    def test_start_of_the_last_second_stays_on_its_date(self) -> None:
        log = [example(RUN, start_time="2024-02-29T23:59:59Z", number=one) for one in range(2)]
        starts = [line.split(";")[0] for line in strong(*log).decode().splitlines()[1:]]
        assert starts == ["2024-02-29 23:59:59", "2024-02-29 00:00:00"]

    def test_starts_of_a_full_day_are_found_at_once(self) -> None:
        # A search second by second takes minutes: 1,200,000,000 steps.
        midnight = dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
        seconds = [*range(86_400), *[0] * 13_600]
        assert starts_at(midnight, seconds) == seconds

    def test_starts_of_half_a_full_day_are_found_at_once(self) -> None:
        # A search second by second takes minutes: 1,800,000,000 steps.
        midnight = dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
        half = [*range(43_200)]
        assert starts_at(midnight, [*half, *half]) == [*range(86_400)]


def starts_at(midnight: dt.datetime, seconds: Iterable[int]) -> list[int]:
    """Return the seconds at which workouts begin in a file, given those of the log."""
    texts = [(midnight + dt.timedelta(seconds=one)).isoformat() for one in seconds]
    first = example(RUN)
    writer = StrongWriter()
    lines = [
        writer.lines(replace(first, workout=replace(first.workout, start_time=text)))
        for text in texts
    ]
    starts = [dt.datetime.fromisoformat(line[:19].decode() + "+00:00") for line in lines]
    return [int((start - midnight).total_seconds()) for start in starts]


class TestBoth:
    @pytest.mark.parametrize("write", [fitnotes, strong])
    def test_workout_without_exercises_is_a_set_of_its_length(self, write: object) -> None:
        data = fitnotes(example()) if write is fitnotes else strong(example())
        assert sets(read(data)) == [("Push", Set(duration=3_900))]

    @pytest.mark.parametrize("write", [fitnotes, strong])
    def test_sets_not_done_and_not_measured_are_lost(self, write: object) -> None:
        lost = Exercise("Row", sets=(Set(reps=0), Set(notes="x"), Set(reps=5, completed=False)))
        log = example(RUN, lost, Exercise("Plank"))
        data = fitnotes(log) if write is fitnotes else strong(log)
        assert sets(read(data)) == DONE[3:4]

    @settings(max_examples=60, deadline=None)
    @given(log=LOGS, write=st.sampled_from([fitnotes, strong]))
    def test_every_log_is_read_without_problems(
        self, log: list[StoredWorkout], write: object
    ) -> None:
        log.sort(key=lambda one: one.workout.date)
        data = fitnotes(*log) if write is fitnotes else strong(*log)
        file = read(data)
        assert file.problems == []

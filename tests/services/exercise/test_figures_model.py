"""Figures of arbitrary logs, compared with plain Python."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import asyncpg
from gymlocker.v2 import exercise_pb2, workout_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.exercise.log import Exercise, Log, Set
from tests.services.workout.diary import over_grpc

NAMES = ["Squat", "squat", "Übung", "ÜBUNG", "Run"]
DATES = ["2026-02-07", "2026-02-08", "2026-03-01"]
POUND = Fraction("0.45359237")
METRES = {
    "m": Fraction(1),
    "km": Fraction(1000),
    "mi": Fraction("1609.344"),
    "yd": Fraction("0.9144"),
}

by_hypothesis = settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def numbers(low: int, high: int) -> st.SearchStrategy[float]:
    """Return numbers of at most 3 decimals, often equal ones."""
    exact = st.integers(low * 1000, high * 1000).map(lambda thousandths: thousandths / 1000)
    return st.sampled_from([float(low), 0.0, 20.0, 22.5, 45.359]) | exact


def _set_of(values: dict[str, Any]) -> Set:
    return Set(**values)


def sets() -> st.SearchStrategy[Set]:
    weight = st.fixed_dictionaries(
        {"value": numbers(-100, 300), "unit": st.sampled_from(["kg", "lb"])}
    )
    distance = st.fixed_dictionaries(
        {"value": numbers(0, 50), "unit": st.sampled_from(sorted(METRES))}
    )
    fields: dict[str, st.SearchStrategy[Any]] = {
        "kind": st.sampled_from(["normal", "warmup", "drop", "failure"]),
        "reps": st.integers(0, 14),
        "weight": weight,
        "distance": distance,
        "duration_seconds": st.integers(0, 90),
        "completed": st.booleans(),
    }
    return st.fixed_dictionaries({}, optional=fields).map(_set_of)


EXERCISES = st.lists(
    st.builds(Exercise, name=st.sampled_from(NAMES), sets=st.lists(sets(), max_size=4)), max_size=4
)
WORKOUTS = st.lists(st.tuples(st.sampled_from(DATES), EXERCISES), min_size=1, max_size=5)


class Done(NamedTuple):
    """A working set, and its place: date, number of the workout, exercise and set."""

    place: tuple[str, int, int, int]
    workout_id: str
    set: Set

    @property
    def weight(self) -> Fraction | None:
        """Return the weight in kilograms."""
        if not self.set.HasField("weight"):
            return None
        value = exact(self.set.weight.value)
        return value * POUND if self.set.weight.unit == "lb" else value

    @property
    def reps(self) -> int | None:
        return self.set.reps if self.set.HasField("reps") else None

    @property
    def estimate(self) -> Fraction | None:
        weight, reps = self.weight, self.reps
        if weight is None or weight <= 0 or reps is None or not 1 <= reps <= 12:
            return None
        return weight if reps == 1 else weight * (1 + Fraction(reps, 30))

    @property
    def lifted(self) -> Fraction | None:
        """Return the weight, unless nothing was lifted."""
        return None if self.reps == 0 else self.weight

    @property
    def volume(self) -> Fraction:
        weight = self.weight
        return weight * (self.reps or 0) if weight and weight > 0 else Fraction(0)

    @property
    def metres(self) -> Fraction | None:
        if not self.set.HasField("distance"):
            return None
        return exact(self.set.distance.value) * METRES[self.set.distance.unit]

    @property
    def seconds(self) -> int | None:
        return self.set.duration_seconds if self.set.HasField("duration_seconds") else None


def exact(value: float) -> Fraction:
    return Fraction(Decimal(repr(value)))


def rounded(value: Fraction) -> float:
    cents = Decimal(value.numerator * 100) / Decimal(value.denominator)
    return float(cents.quantize(Decimal(1), ROUND_HALF_UP) / 100)


@dataclass
class Model:
    """All working sets by the key of their exercise, and the names as they were spelt."""

    done: dict[str, list[Done]]
    names: dict[str, tuple[tuple[str, int], str]]

    def sessions(self, key: str) -> list[list[Done]]:
        by_workout: dict[tuple[str, int], list[Done]] = defaultdict(list)
        for one in self.done[key]:
            by_workout[one.place[:2]].append(one)
        return [by_workout[place] for place in sorted(by_workout)]

    def points(self, key: str, factor: Fraction) -> Iterator[exercise_pb2.ProgressPoint]:
        for session in self.sessions(key):
            estimates = [one.estimate for one in session if one.estimate is not None]
            metres = [one.metres for one in session if one.metres is not None]
            seconds = [one.seconds for one in session if one.seconds is not None]
            yield exercise_pb2.ProgressPoint(
                date=session[0].place[0],
                workout_id=session[0].workout_id,
                top_set=heaviest(session).set,
                estimated_one_rep_max=rounded(max(estimates) / factor) if estimates else None,
                volume=rounded(sum((one.volume for one in session), Fraction(0)) / factor),
                sets=len(session),
                reps=sum(one.reps or 0 for one in session),
                distance=rounded(sum(metres, Fraction(0))) if metres else None,
                duration_seconds=sum(seconds) if seconds else None,
            )

    def records(self, key: str, unit: str, factor: Fraction) -> Iterator[exercise_pb2.Record]:
        done = self.done[key]
        name = self.names[key][1]

        def record(
            kind: str, value: Fraction, unit: str, one: Done, reps: int | None
        ) -> exercise_pb2.Record:
            return exercise_pb2.Record(
                exercise=name,
                kind=kind,
                value=rounded(value),
                unit=unit,
                reps=reps,
                date=one.place[0],
                workout_id=one.workout_id,
            )

        top = heaviest(done)
        if top.lifted is not None:
            yield record("max_weight", top.lifted / factor, unit, top, top.reps)
        if best := first_of(done, lambda one: one.estimate):
            assert best.estimate is not None
            kind = "estimated_one_rep_max"
            yield record(kind, best.estimate / factor, unit, best, best.reps)
        if most := first_of(done, lambda one: one.reps or None):
            yield record("max_reps", Fraction(most.reps or 0), "reps", most, most.reps)
        volumes = [
            (sum((one.volume for one in each), Fraction(0)), each[0]) for each in self.sessions(key)
        ]
        largest = max(volume for volume, _ in volumes)
        if largest:
            one = next(one for volume, one in volumes if volume == largest)
            yield record("max_session_volume", largest / factor, unit, one, None)
        if farthest := first_of(done, lambda one: one.metres or None):
            yield record("max_distance", farthest.metres or Fraction(0), "m", farthest, None)
        if longest := first_of(done, lambda one: one.seconds or None):
            yield record("max_duration", Fraction(longest.seconds or 0), "s", longest, None)


def heaviest(done: list[Done]) -> Done:
    """Return the heaviest set, of those the one with most repetitions, of those the earliest."""

    def rank(one: Done) -> tuple[bool, Fraction, int]:
        lifted = one.lifted
        return lifted is not None, lifted or Fraction(0), -1 if one.reps is None else one.reps

    best = max(map(rank, done))
    return min((one for one in done if rank(one) == best), key=lambda one: one.place)


def first_of(done: list[Done], figure: Callable[[Done], Fraction | int | None]) -> Done | None:
    """Return the earliest set with the highest figure; None if no set has one."""
    figures = [(value, one) for one in done if (value := figure(one)) is not None]
    if not figures:
        return None
    highest = max(value for value, _ in figures)
    return min((one for value, one in figures if value == highest), key=lambda one: one.place)


async def entered(log: Log, workouts: list[tuple[str, list[Exercise]]]) -> Model:
    """Add the workouts to the log; return the model of it."""
    model = Model(defaultdict(list), {})
    for number, (date, exercises) in enumerate(workouts):
        workout_id = await log.add(date, *exercises)
        for position, exercise in enumerate(exercises):
            key = exercise.name.casefold()
            working = [
                Done((date, number, position, index), workout_id, one)
                for index, one in enumerate(exercise.sets)
                if one.kind != "warmup" and (one.completed or not one.HasField("completed"))
            ]
            if working and not any(each.place[:2] == (date, number) for each in model.done[key]):
                newest = model.names.get(key)
                if newest is None or newest[0] <= (date, number):
                    model.names[key] = ((date, number), exercise.name)
            model.done[key] += working
    model.done = {key: done for key, done in model.done.items() if done}
    return model


class TestFigures:
    @over_grpc
    @by_hypothesis
    @given(WORKOUTS, st.sampled_from(["kg", "lb"]))
    async def test_equal_plain_python(
        self,
        log: Log,
        database: asyncpg.Connection,
        workouts: list[tuple[str, list[Exercise]]],
        unit: str,
    ) -> None:
        await log.clear(database)
        model = await entered(log, workouts)
        factor = POUND if unit == "lb" else Fraction(1)
        listed = {one.name: one for one in await log.exercises(unit=unit)}
        assert listed.keys() == {model.names[key][1] for key in model.done}
        for key, done in model.done.items():
            summary = listed[model.names[key][1]]
            assert summary.workouts == len(model.sessions(key))
            assert summary.sets == len(done)
            assert summary.last_date == max(one.place[0] for one in done)
            best = first_of(done, lambda one: one.estimate)
            assert summary.HasField("best_set") == (best is not None)
            if best:
                assert summary.best_set == best.set
                assert summary.estimated_one_rep_max == rounded((best.estimate or 0) / factor)
            assert await log.progress(key, unit=unit) == list(model.points(key, factor))
            records = await log.records(name=key, unit=unit)
            assert records == list(model.records(key, unit, factor))
        assert len(await log.records()) == sum(
            len(list(model.records(key, "kg", Fraction(1)))) for key in model.done
        )

    @over_grpc
    @by_hypothesis
    @given(WORKOUTS, st.sampled_from(["kg", "lb"]))
    async def test_volume_of_statistics_equals_plain_python(
        self,
        log: Log,
        database: asyncpg.Connection,
        workouts: list[tuple[str, list[Exercise]]],
        unit: str,
    ) -> None:
        await log.clear(database)
        model = await entered(log, workouts)
        factor = POUND if unit == "lb" else Fraction(1)
        request = workout_pb2.GetWorkoutStatsRequest(unit=unit, week_start="sunday")
        stats = await log.client.workouts.GetWorkoutStats(request, metadata=log.credentials)
        done = [one for each in model.done.values() for one in each]
        assert stats.sets == sum(week.sets for week in stats.weeks) == len(done)
        assert stats.volume == rounded(sum((one.volume for one in done), Fraction(0)) / factor)
        by_month = {month.start[:7]: month for month in stats.months}
        for start, month in by_month.items():
            of_month = [one for one in done if one.place[0].startswith(start)]
            assert month.sets == len(of_month)
            volume = sum((one.volume for one in of_month), Fraction(0))
            assert month.volume == rounded(volume / factor)

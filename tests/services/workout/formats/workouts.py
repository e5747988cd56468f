"""Arbitrary workouts: everything that can be stored, and more often what is hard to write."""

import datetime as dt
from typing import TypeVar

from hypothesis import strategies as st

from server.services.workout.formats.model import Format
from server.services.workout.model import (
    DISTANCE_UNITS,
    KINDS,
    WEIGHT_UNITS,
    Exercise,
    Set,
    StoredWorkout,
    Workout,
)

_CHARACTER = st.one_of(
    st.characters(codec="utf-8", exclude_characters="\0"), st.sampled_from("\r\n\t \",;'=-@")
)
_HARD = ["", " a ", "a\rb", "\r\n", "'", "'=1+1", "=1+1", "''-", "@", "\ufeff", '"', "🏋️", "\u2028"]
_Value = TypeVar("_Value")


def _texts(max_size: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(_HARD),
        st.text(_CHARACTER, max_size=6),
        st.just("語" * max_size),
    )


def _names() -> st.SearchStrategy[str]:
    return st.one_of(_texts(100).map(str.strip).filter(bool), st.sampled_from(["Squat", "Run"]))


def _numbers(least: int, most: int) -> st.SearchStrategy[float]:
    thousandths = st.integers(least * 1_000, most * 1_000).map(lambda number: number / 1_000)
    return st.one_of(thousandths, st.sampled_from([float(least), float(most), 0.0, 102.5, 45.359]))


def _optional(values: st.SearchStrategy[_Value]) -> st.SearchStrategy[_Value | None]:
    return st.one_of(st.none(), values)


def _measures(
    least: int, most: int, units: tuple[str, ...]
) -> st.SearchStrategy[tuple[float | None, str | None]]:
    given = st.tuples(_numbers(least, most), st.sampled_from(units))
    return st.one_of(st.just((None, None)), given)


@st.composite
def _sets(draw: st.DrawFn) -> Set:
    weight, weight_unit = draw(_measures(-10_000, 10_000, WEIGHT_UNITS))
    distance, distance_unit = draw(_measures(0, 10_000_000, DISTANCE_UNITS))
    return Set(
        draw(_optional(st.sampled_from(KINDS))),
        draw(_optional(st.integers(0, 10_000))),
        weight,
        weight_unit,
        distance,
        distance_unit,
        draw(_optional(st.integers(0, 604_800))),
        draw(_optional(st.integers(2, 20).map(lambda halves: halves / 2))),
        draw(_optional(st.booleans())),
        draw(_texts(500)),
    )


_EXERCISES = st.builds(
    Exercise,
    name=_names(),
    notes=_texts(2_000),
    superset=_optional(st.integers(0, 10)),
    sets=st.lists(_sets(), max_size=2).map(tuple),
)
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)
_START_TIMES = st.one_of(
    st.just(""),
    st.just("2026-02-07T18:30:00Z"),
    st.datetimes(timezones=_OFFSETS).map(dt.datetime.isoformat),
)
WORKOUTS = st.builds(
    Workout,
    id=st.uuids(),
    date=st.dates(),
    type=_names(),
    duration=st.integers(1, 10_080),
    notes=_texts(10_000),
    start_time=_START_TIMES,
    exercises=st.lists(_EXERCISES, max_size=3).map(tuple),
)


def stored(workout: Workout, source: str, created: dt.datetime) -> StoredWorkout:
    """Return a stored workout; the other fields play no part in files."""
    return StoredWorkout(workout, source, created, created, b"", 0, 0)


STORED = st.builds(
    stored,
    workout=WORKOUTS,
    source=st.sampled_from(["", *(format_.value for format_ in Format)]),
    created=st.datetimes(timezones=st.just(dt.UTC)),
)
LOGS = st.lists(STORED, max_size=3, unique_by=lambda stored: stored.workout.id)

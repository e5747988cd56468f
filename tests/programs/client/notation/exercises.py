"""Exercises that Hypothesis makes up, within the limits of the contract."""

from gymlocker.v2 import training_pb2
from hypothesis import strategies as st

# PostgreSQL stores no NUL, and Protobuf no surrogates.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
names = texts.map(str.strip).filter(bool)


def decimals(least: int, most: int) -> st.SearchStrategy[float]:
    """Return numbers with at most 3 decimals, and often with none."""
    whole = st.integers(least, most).map(float)
    return whole | st.integers(least * 1000, most * 1000).map(lambda number: number / 1000)


KILOGRAMS = training_pb2.SetWeight(value=100, unit="kg")
POUNDS = training_pb2.SetWeight(value=225, unit="lb")
weights = st.builds(
    training_pb2.SetWeight, value=decimals(-10_000, 10_000), unit=st.sampled_from(["kg", "lb"])
)
distances = st.builds(
    training_pb2.SetDistance,
    value=decimals(0, 10_000_000),
    unit=st.sampled_from(["m", "km", "mi", "yd"]),
)
sets = st.builds(
    training_pb2.WorkoutSet,
    kind=st.none() | st.sampled_from(["normal", "warmup", "drop", "failure"]),
    reps=st.none() | st.integers(0, 12) | st.integers(0, 10_000),
    # Few values, so that sets often share one.
    weight=st.none() | st.sampled_from([KILOGRAMS, POUNDS]) | weights,
    distance=st.none() | distances,
    duration_seconds=st.none() | st.integers(0, 604_800),
    rpe=st.none() | st.integers(2, 20).map(lambda halves: halves / 2),
    completed=st.none() | st.booleans(),
    notes=st.none() | texts,
)
exercises = st.builds(
    training_pb2.WorkoutExercise,
    name=names,
    notes=st.none() | texts,
    superset=st.none() | st.integers(0, 10),
    sets=st.lists(sets, max_size=6),
)

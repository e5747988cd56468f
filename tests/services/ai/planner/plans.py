"""Plans as a model writes them, and a strategy for all valid plans."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from gymlocker.v2 import plan_pb2
from hypothesis import strategies as st

Json = dict[str, Any]

REST: Json = {"min_rest_seconds": 90, "max_rest_seconds": 180, "failure_rest_seconds": 300}

SQUAT: Json = {
    "name": "Kniebeuge 🏋️",
    "planned_sets": [{"min_reps": 8, "max_reps": 12}] * 3,
    "rest_between_sets": REST,
    "superset_with_next": True,
    "notes": 'Tief, mit "geradem" Rücken\n',
    "link": "",
    "progression": [
        {
            "axis": "AXIS_LOAD",
            "step": "2.5",
            "scope": "SCOPE_ALL_SETS",
            "ceiling": None,
            "reset_on_ceiling": False,
        },
        {
            "axis": "AXIS_REPS",
            "step": "1",
            "scope": "SCOPE_LOWEST_SETS_MIDDLE",
            "ceiling": "12",
            "reset_on_ceiling": True,
        },
    ],
    "resistance": "RESISTANCE_EXTERNAL",
}


def _cardio_set(target: Json, rest: Json | None) -> Json:
    return {
        "target": target,
        "track_duration": "time_seconds" in target,
        "track_distance": "distance" in target,
        "track_resistance": False,
        "track_incline": True,
        "track_weight": False,
        "track_steps": False,
        "rest_between_sets": rest,
    }


RUN: Json = {
    "name": "Laufen",
    "sets": [
        _cardio_set({"time_seconds": 1890}, REST),
        _cardio_set({"distance": {"value": "12.5", "unit": "UNIT_KILOMETRE"}}, None),
    ],
    "notes": "",
    "link": "",
}

SESSION: Json = {
    "name": "Tag A",
    "notes": "Aufwärmen!",
    "exercises": [{"weighted": SQUAT}, {"cardio": RUN}],
}

PLAN: Json = {
    "name": "Grüße an die Kraft 💪",
    "description": "Für den Anfang.",
    "sessions": [SESSION, {"name": "Tag B", "notes": "", "exercises": [{"cardio": RUN}]}],
}


def _text(max_size: int, min_size: int = 0) -> st.SearchStrategy[str]:
    texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=min_size, max_size=max_size)
    return texts.filter(str.strip) if min_size else texts


def _rests() -> st.SearchStrategy[plan_pb2.RestBetweenSets]:
    seconds = st.integers(0, 3600)
    return st.tuples(seconds, seconds, seconds).map(
        lambda three: plan_pb2.RestBetweenSets(
            min_rest=Duration(seconds=min(three[:2])),
            max_rest=Duration(seconds=max(three[:2])),
            failure_rest=Duration(seconds=three[2]),
        )
    )


_decimals = st.decimals("0.001", "1000", places=3).map(str)
_reps = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(
    lambda two: plan_pb2.PlannedSet(min_reps=min(two), max_reps=max(two))
)
_progressions = st.builds(
    plan_pb2.Progression,
    axis=st.sampled_from([1, 2]),
    step=_decimals,
    scope=st.sampled_from([1, 2, 3, 4, 5]),
    ceiling=st.none() | _decimals,
    reset_on_ceiling=st.booleans(),
)
_weighted = st.builds(
    plan_pb2.WeightedExercise,
    name=_text(100, 1),
    planned_sets=st.lists(_reps, min_size=1, max_size=5),
    rest_between_sets=_rests(),
    superset_with_next=st.booleans(),
    notes=_text(50),
    progression=st.lists(_progressions, max_size=4),
    resistance=st.sampled_from([1, 2, 3]),
)
_flags = {
    name: st.booleans()
    for name in plan_pb2.CardioSet.DESCRIPTOR.fields_by_name
    if name.startswith("track_")
}
_distances = st.builds(plan_pb2.Distance, value=_decimals, unit=st.sampled_from([1, 2, 3, 4]))
_times = st.integers(1, 86_400).map(lambda seconds: Duration(seconds=seconds))
_sets = st.builds(
    plan_pb2.CardioSet, time=_times, rest_between_sets=st.none() | _rests(), **_flags
) | st.builds(plan_pb2.CardioSet, distance=_distances, **_flags)
_cardio = st.builds(
    plan_pb2.CardioExercise,
    name=_text(100, 1),
    sets=st.lists(_sets, min_size=1, max_size=4),
    notes=_text(50),
)
_exercises = st.builds(plan_pb2.PlanExercise, weighted=_weighted) | st.builds(
    plan_pb2.PlanExercise, cardio=_cardio
)
_sessions = st.builds(
    plan_pb2.PlanSession,
    name=_text(100, 1),
    notes=_text(50),
    exercises=st.lists(_exercises, min_size=1, max_size=3),
)
plans = st.builds(
    plan_pb2.Plan,
    name=_text(100, 1),
    description=_text(50),
    sessions=st.lists(_sessions, min_size=1, max_size=3),
)

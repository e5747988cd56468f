"""Conversion of a plan, complete or partial, to the two JSON forms that apps import.

All fields are present at every stage of a growing plan: missing values are empty or have common
defaults.
"""

import datetime as dt
from typing import Any

from google.protobuf.duration_pb2 import Duration
from gymlocker.v2 import plan_pb2

Json = dict[str, Any]

PLAN_VERSION = 3
SESSION_VERSION = 6

# The default until the plan states the rests of an exercise.
_DEFAULT_REST = plan_pb2.RestBetweenSets(
    min_rest=Duration(seconds=90),
    max_rest=Duration(seconds=180),
    failure_rest=Duration(seconds=300),
)
_DEFAULT_REPS = 10

_RESISTANCES = {
    plan_pb2.WeightedExercise.RESISTANCE_NONE: "none",
    plan_pb2.WeightedExercise.RESISTANCE_EXTERNAL: "external",
    plan_pb2.WeightedExercise.RESISTANCE_BODYWEIGHT: "bodyweight",
}
_AXES = {plan_pb2.Progression.AXIS_REPS: "reps", plan_pb2.Progression.AXIS_LOAD: "load"}
_PICKS = {
    plan_pb2.Progression.SCOPE_LOWEST_SETS_FIRST: "first",
    plan_pb2.Progression.SCOPE_LOWEST_SETS_MIDDLE: "middle",
    plan_pb2.Progression.SCOPE_LOWEST_SETS_LAST: "last",
    plan_pb2.Progression.SCOPE_LOWEST_SETS_ALL: "all",
}
_UNITS = {
    plan_pb2.Distance.UNIT_METRE: "metre",
    plan_pb2.Distance.UNIT_YARD: "yard",
    plan_pb2.Distance.UNIT_MILE: "mile",
    plan_pb2.Distance.UNIT_KILOMETRE: "kilometre",
}


def blueprint(plan: plan_pb2.Plan, today: dt.date) -> Json:
    """Return the plan in the form of /ai-chat-v2."""
    return {
        "version": PLAN_VERSION,
        "name": plan.name,
        "lastEdited": today.isoformat(),
        "sessions": [_session(session) for session in plan.sessions],
    }


def _session(session: plan_pb2.PlanSession) -> Json:
    return {
        "version": SESSION_VERSION,
        "name": session.name,
        "notes": session.notes,
        "exercises": [
            _cardio(exercise.cardio) if _is_cardio(exercise) else _weighted(exercise.weighted)
            for exercise in session.exercises
        ],
    }


def _is_cardio(exercise: plan_pb2.PlanExercise) -> bool:
    return exercise.WhichOneof("kind") == "cardio"


def _weighted(exercise: plan_pb2.WeightedExercise) -> Json:
    return {
        "type": "WeightedExerciseBlueprint",
        "name": exercise.name,
        "plannedSets": [
            {"reps": {"min": planned.min_reps, "max": planned.max_reps}}
            for planned in exercise.planned_sets
        ],
        "restBetweenSets": _rest(_rest_of(exercise)),
        "supersetWithNext": exercise.superset_with_next,
        "notes": exercise.notes,
        "link": exercise.link,
        "progression": [_progression(progression) for progression in exercise.progression],
        "resistance": _RESISTANCES.get(exercise.resistance, "external"),
    }


def _rest_of(exercise: plan_pb2.WeightedExercise) -> plan_pb2.RestBetweenSets:
    return exercise.rest_between_sets if exercise.HasField("rest_between_sets") else _DEFAULT_REST


def _rest(rest: plan_pb2.RestBetweenSets) -> Json:
    return {
        "minRest": _iso_duration(rest.min_rest),
        "maxRest": _iso_duration(rest.max_rest),
        "failureRest": _iso_duration(rest.failure_rest),
    }


def _progression(progression: plan_pb2.Progression) -> Json:
    pick = _PICKS.get(progression.scope)
    data: Json = {
        "axis": _AXES.get(progression.axis, "load"),
        "step": progression.step,
        "scope": {"type": "lowestSets", "pick": pick} if pick else {"type": "allSets"},
    }
    if progression.HasField("ceiling"):
        data["ceiling"] = progression.ceiling
    if progression.reset_on_ceiling:
        data["onCeiling"] = "reset"
    return data | {"trigger": "allSetsMetTarget"}


def _cardio(exercise: plan_pb2.CardioExercise) -> Json:
    return {
        "type": "CardioExerciseBlueprint",
        "name": exercise.name,
        "sets": [_cardio_set(cardio_set) for cardio_set in exercise.sets],
        "notes": exercise.notes,
        "link": exercise.link,
    }


def _cardio_set(cardio_set: plan_pb2.CardioSet) -> Json:
    data: Json = {
        "target": _target(cardio_set),
        "trackDuration": cardio_set.track_duration,
        "trackDistance": cardio_set.track_distance,
        "trackResistance": cardio_set.track_resistance,
        "trackIncline": cardio_set.track_incline,
        "trackWeight": cardio_set.track_weight,
        "trackSteps": cardio_set.track_steps,
    }
    if cardio_set.HasField("rest_between_sets"):
        data["restBetweenSets"] = _rest(cardio_set.rest_between_sets)
    return data


def _target(cardio_set: plan_pb2.CardioSet) -> Json:
    if cardio_set.WhichOneof("target") != "distance":
        return {"type": "time", "value": _iso_duration(cardio_set.time)}
    distance = cardio_set.distance
    unit = _UNITS.get(distance.unit, "kilometre")
    return {"type": "distance", "value": {"value": distance.value, "unit": unit}}


def _iso_duration(duration: Duration) -> str:
    hours, minutes, seconds = _clock(duration)
    fraction = f".{duration.nanos:09}".rstrip("0") if duration.nanos else ""
    text = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number)
    if seconds or fraction or not text:
        text += f"{seconds}{fraction}S"
    return f"PT{text}"


def _clock(duration: Duration) -> tuple[int, int, int]:
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return hours, minutes, seconds


def legacy_plan(plan: plan_pb2.Plan) -> Json:
    """Return the plan in the form of /ai-chat.

    That form has only repetitions. The sets of a cardio exercise become sets of one repetition, and
    their targets are written into the notes.
    """
    return {
        "name": plan.name,
        "description": plan.description,
        "sessions": [
            {
                "name": session.name,
                "notes": session.notes,
                "exercises": [
                    _legacy_cardio(exercise.cardio)
                    if _is_cardio(exercise)
                    else _legacy_weighted(exercise.weighted)
                    for exercise in session.exercises
                ],
            }
            for session in plan.sessions
        ],
    }


def _legacy_weighted(exercise: plan_pb2.WeightedExercise) -> Json:
    sets = exercise.planned_sets
    loads = (step for step in exercise.progression if step.axis == plan_pb2.Progression.AXIS_LOAD)
    increase = next((step.step for step in loads), "0")
    return {
        "name": exercise.name,
        "sets": len(sets) or 1,
        # The target of a set is the upper end of its repetitions.
        "repsPerSet": max((planned.max_reps for planned in sets), default=_DEFAULT_REPS),
        "weightIncreaseOnSuccess": float(increase),
        "restBetweenSets": _legacy_rest(_rest_of(exercise)),
        "supersetWithNext": exercise.superset_with_next,
        "notes": exercise.notes,
        "link": exercise.link,
    }


def _legacy_cardio(exercise: plan_pb2.CardioExercise) -> Json:
    targets = [_target_text(cardio_set) for cardio_set in exercise.sets]
    if len(set(targets)) == 1 and len(targets) > 1:
        targets = [f"{len(targets)} × {targets[0]}"]
    rests = [one.rest_between_sets for one in exercise.sets if one.HasField("rest_between_sets")]
    return {
        "name": exercise.name,
        "sets": len(exercise.sets) or 1,
        "repsPerSet": 1,
        "weightIncreaseOnSuccess": 0.0,
        "restBetweenSets": _legacy_rest(rests[0] if rests else plan_pb2.RestBetweenSets()),
        "supersetWithNext": False,
        "notes": "\n".join(filter(None, (", ".join(targets), exercise.notes))),
        "link": exercise.link,
    }


def _target_text(cardio_set: plan_pb2.CardioSet) -> str:
    """Return the target in symbols that need no translation."""
    if cardio_set.WhichOneof("target") == "distance":
        units = {"metre": "m", "yard": "yd", "mile": "mi", "kilometre": "km"}
        distance = cardio_set.distance
        return f"{distance.value} {units[_UNITS.get(distance.unit, 'kilometre')]}"
    hours, minutes, seconds = _clock(cardio_set.time)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02} min"


def _legacy_rest(rest: plan_pb2.RestBetweenSets) -> Json:
    return {
        "minRest": _legacy_duration(rest.min_rest),
        "maxRest": _legacy_duration(rest.max_rest),
        "failureRest": _legacy_duration(rest.failure_rest),
    }


def _legacy_duration(duration: Duration) -> str:
    """Return the duration as .NET writes a TimeSpan: `[d.]hh:mm:ss[.fffffff]`."""
    hours, minutes, seconds = _clock(duration)
    days, hours = divmod(hours, 24)
    ticks = duration.nanos // 100
    return (
        (f"{days}." if days else "")
        + f"{hours:02}:{minutes:02}:{seconds:02}"
        + (f".{ticks:07}" if ticks else "")
    )

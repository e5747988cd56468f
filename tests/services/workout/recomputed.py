"""Figures of a training log, recomputed from its sets as exercise.proto defines them.

They are compared with what the database maintains.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from server.libraries.common.text import caseless

Row = dict[str, Any]
Rows = list[Row]

KILOGRAMS = {"kg": Decimal(1), "lb": Decimal("0.45359237")}
METRES = {"m": Decimal(1), "km": Decimal(1000), "mi": Decimal("1609.344"), "yd": Decimal("0.9144")}
MINUS_INFINITY = Decimal("-Infinity")


async def require_correct_figures(database: asyncpg.Connection, *user_ids: str) -> None:
    """Fail if a figure of these users differs from the recomputed one."""
    for user_id in map(UUID, user_ids):
        workouts = await _rows(database, "workouts", user_id)
        exercises = await _rows(database, "workout_exercises", user_id)
        sets = await _rows(database, "workout_sets", user_id)
        known = {workout["id"] for workout in workouts}
        assert {exercise["workout_id"] for exercise in exercises} <= known
        positions = {(one["workout_id"], one["position"]) for one in exercises}
        assert {(one["workout_id"], one["exercise"]) for one in sets} <= positions
        for workout in workouts:
            _require_totals(workout, exercises, sets)
        assert await _stored(database, "workout_days", user_id) == _sorted(_days(workouts))
        sessions = _sessions(workouts, exercises, sets)
        assert await _stored(database, "exercise_sessions", user_id) == _sorted(sessions)
        assert await _stored(database, "exercises", user_id) == _sorted(_exercises(sessions))


async def _rows(database: asyncpg.Connection, table: str, user_id: UUID) -> Rows:
    query = f"SELECT * FROM {table} WHERE user_id = $1"
    return [dict(row) for row in await database.fetch(query, user_id)]


async def _stored(database: asyncpg.Connection, table: str, user_id: UUID) -> Rows:
    rows = await _rows(database, table, user_id)
    for row in rows:
        del row["user_id"]
    return _sorted(rows)


def _sorted(rows: Iterable[Row]) -> Rows:
    def key(row: Row) -> tuple[str, ...]:
        names = ("date", "type_key", "name_key", "workout_id")
        return tuple(str(row.get(name)) for name in names)

    return sorted(rows, key=key)


def _is_working(one: Row) -> bool:
    return one["kind"] != "warmup" and one["completed"] is not False


def _kilograms(one: Row) -> Decimal | None:
    weight: Decimal | None = one["weight"]
    return None if weight is None else weight * KILOGRAMS[one["weight_unit"]]


def _metres(one: Row) -> Decimal | None:
    distance: Decimal | None = one["distance"]
    return None if distance is None else distance * METRES[one["distance_unit"]]


def _volume(sets: Rows) -> Decimal:
    return sum(
        (
            kilograms * one["reps"]
            for one in sets
            if (kilograms := _kilograms(one)) and kilograms > 0 and one["reps"] is not None
        ),
        Decimal(0),
    )


def _require_totals(workout: Row, exercises: Rows, sets: Rows) -> None:
    own = [one for one in sets if one["workout_id"] == workout["id"]]
    working = [one for one in own if _is_working(one)]
    names = ("exercise_count", "set_count", "working_sets", "volume")
    assert [workout[name] for name in names] == [
        sum(one["workout_id"] == workout["id"] for one in exercises),
        len(own),
        len(working),
        _volume(working),
    ]


def _days(workouts: Rows) -> Rows:
    days: dict[tuple[object, str], Row] = {}
    for workout in workouts:
        key = (workout["date"], caseless(workout["type"]))
        day = days.setdefault(
            key,
            {
                "date": key[0],
                "type_key": key[1],
                **dict.fromkeys(("count", "minutes", "set_count", "working_sets", "volume"), 0),
            },
        )
        day["count"] += 1
        day["minutes"] += workout["duration"]
        for name in ("set_count", "working_sets", "volume"):
            day[name] += workout[name]
    return list(days.values())


def _sessions(workouts: Rows, exercises: Rows, sets: Rows) -> Rows:
    by_id = {workout["id"]: workout for workout in workouts}
    by_place = {(one["workout_id"], one["position"]): one for one in exercises}
    working = defaultdict(list)
    for one in sorted(sets, key=lambda one: (one["exercise"], one["position"])):
        if _is_working(one):
            exercise = by_place[one["workout_id"], one["exercise"]]
            working[one["workout_id"], caseless(exercise["name"])].append(one)
    return [
        {
            "name_key": name_key,
            "date": by_id[workout_id]["date"],
            "workout_id": workout_id,
            "created": by_id[workout_id]["created"],
            "name": by_place[workout_id, some[0]["exercise"]]["name"],
            **_figures(some),
        }
        for (workout_id, name_key), some in working.items()
    ]


def _figures(sets: Rows) -> Row:
    top = max(sets, key=lambda one: (_top_weight(one), _or(one["reps"], -1)))
    weight = _top_weight(top)
    rated = [one for one in sets if _estimate(one) is not None]
    best = max(rated, key=_estimate) if rated else None  # type: ignore[arg-type]
    metres = [each for one in sets if (each := _metres(one)) is not None]
    seconds = [one["duration"] for one in sets if one["duration"] is not None]
    return {
        "sets": len(sets),
        "reps": sum(one["reps"] or 0 for one in sets),
        "volume": _volume(sets),
        "distance": sum(metres) if metres else None,
        "duration": sum(seconds) if seconds else None,
        "top_exercise": top["exercise"],
        "top_set": top["position"],
        "top_weight": None if weight == MINUS_INFINITY else weight,
        "top_reps": top["reps"],
        "best_exercise": best and best["exercise"],
        "best_set": best["position"] if best else None,
        "best_estimate": _estimate(best) if best else None,
        "max_reps": max(one["reps"] or 0 for one in sets) or None,
        "max_distance": max(metres, default=None) or None,
        "max_duration": max(seconds, default=None) or None,
    }


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _top_weight(one: Row) -> Decimal:
    kilograms = _kilograms(one)
    return MINUS_INFINITY if kilograms is None or one["reps"] == 0 else kilograms


def _estimate(one: Row) -> Decimal | None:
    """Return the estimated one-repetition maximum times 30."""
    kilograms, reps = _kilograms(one), _or(one["reps"], 0)
    if kilograms is None or kilograms <= 0 or not 1 <= reps <= 12:
        return None
    return kilograms * (30 if reps == 1 else 30 + reps)


def _exercises(sessions: Rows) -> Rows:
    workouts = Counter(session["name_key"] for session in sessions)
    sets: Counter[str] = Counter()
    for session in sessions:
        sets[session["name_key"]] += session["sets"]
    return [{"name_key": key, "workouts": workouts[key], "sets": sets[key]} for key in workouts]

"""A session of LiftLog becomes a workout: the exercises and sets of its payload.

Payloads differ between versions of the app, so what is unknown or malformed is left out and
counted in Losses, and never costs the rest of its session.
"""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from server.services.workout.formats.cells.units import DISTANCES, WEIGHTS, spelling
from server.services.workout.formats.model import BadCell
from server.services.workout.formats.values import UNSTORABLE, decimal, whole
from server.services.workout.model import (
    MAX_DISTANCE,
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_EXERCISES,
    MAX_NAME_CHARACTERS,
    MAX_REPS,
    MAX_SECONDS,
    MAX_SET_NOTES_CHARACTERS,
    MAX_SETS,
    MAX_SUPERSET,
    MAX_WEIGHT,
    Exercise,
    Set,
)

PARTS = "parts"
SHORTENED = "shortened"
# What became of it, by the number of sessions or parts that it happened to.
Losses = Counter[str]

_WEIGHTED = "RecordedWeightedExercise"
_CARDIO = "RecordedCardioExercise"
_CARDIO_NOTES = ("resistance", "incline", "steps")
_UNNAMED = "Exercise"
_DURATION = re.compile(
    r"PT(?=\d)(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:[.,](\d{1,9}))?S)?", re.ASCII
)


class SessionReader:
    """Reader of the exercises of one session. `completions` are the texts of the sets' times."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.completions: list[str] = []

    def exercises(self, recorded: object) -> tuple[Exercise, ...]:
        """Return the exercises of `recordedExercises`."""
        read: list[tuple[Exercise, bool]] = []
        for value in self._list(recorded, MAX_EXERCISES):
            exercise = self._exercise(value)
            if exercise:
                read.append(
                    (exercise, _dict(value.get("blueprint")).get("supersetWithNext") is True)
                )
        return tuple(self._in_supersets(read))

    def text(self, value: object, max_length: int) -> str:
        """Return a text as it can be stored; "" for anything else."""
        if not isinstance(value, str):
            self._losses[PARTS] += value is not None
            return ""
        if len(value) > max_length:
            self._losses[SHORTENED] += 1
            value = value[: max_length - 1] + "…"
        return UNSTORABLE.sub("\ufffd", value)

    def _exercise(self, value: object) -> Exercise | None:
        exercise = _dict(value)
        kind = exercise.get("type")
        blueprint = _dict(exercise.get("blueprint"))
        if kind == _WEIGHTED:
            sets = tuple(self._weighted(exercise.get("potentialSets")))
        elif kind == _CARDIO:
            # Earlier payloads have one set, which is the exercise itself.
            sets = tuple(self._cardio(exercise.get("sets", [exercise])))
        else:
            self._losses[PARTS] += 1
            return None
        name = self.text(blueprint.get("name"), MAX_NAME_CHARACTERS).strip() or _UNNAMED
        notes = self.text(exercise.get("notes"), MAX_EXERCISE_NOTES_CHARACTERS)
        if not notes.strip():
            notes = self.text(blueprint.get("notes"), MAX_EXERCISE_NOTES_CHARACTERS)
        return Exercise(name, notes if notes.strip() else "", None, sets)

    def _in_supersets(self, read: list[tuple[Exercise, bool]]) -> Iterator[Exercise]:
        """Yield the exercises; those that are done in turns have the number of their superset."""
        number, continues = -1, False
        for index, (exercise, has_link) in enumerate(read):
            with_next = has_link and index + 1 < len(read)
            number += with_next and not continues
            in_turns = with_next or continues
            if in_turns and number > MAX_SUPERSET:
                self._losses[PARTS] += not continues
                in_turns = False
            yield exercise._replace(superset=number if in_turns else None)
            continues = with_next

    def _weighted(self, potential_sets: object) -> Iterator[Set]:
        for value in self._list(potential_sets, MAX_SETS):
            potential = _dict(value)
            weight, unit = self._weight(potential.get("weight"))
            done = potential.get("set")
            if done is None:
                yield Set(weight=weight, weight_unit=unit, completed=False)
                continue
            reps = self._whole(_dict(done).get("repsCompleted"), MAX_REPS)
            if reps is None:
                self._losses[PARTS] += 1
                continue
            self._complete(done)
            yield Set(reps=reps, weight=weight, weight_unit=unit)

    def _cardio(self, sets: object) -> Iterator[Set]:
        for value in self._list(sets, MAX_SETS):
            one = _dict(value)
            weight, weight_unit = self._weight(one.get("weight"))
            distance, distance_unit = self._measure(one.get("distance"), DISTANCES, 0, MAX_DISTANCE)
            seconds = self._seconds(one.get("duration"))
            is_done = self._complete(one) or bool(distance or seconds)
            yield Set(
                weight=weight,
                weight_unit=weight_unit,
                distance=distance,
                distance_unit=distance_unit,
                duration=seconds,
                completed=None if is_done else False,
                notes=self.text(_cardio_notes(one), MAX_SET_NOTES_CHARACTERS),
            )

    def _complete(self, done: object) -> bool:
        """Remember the time of a set that was done; return False if it has none."""
        completion = _dict(done).get("completionDateTime")
        if isinstance(completion, str):
            self.completions.append(completion)
        return completion is not None

    def _weight(self, value: object) -> tuple[float | None, str | None]:
        """Return a weight. LiftLog writes 0, and the unit `nil`, for none."""
        if _dict(value).get("unit") == "nil":
            return None, None
        weight, unit = self._measure(value, WEIGHTS, -MAX_WEIGHT, MAX_WEIGHT)
        return (weight, unit) if weight else (None, None)

    def _measure(
        self, value: object, units: dict[str, tuple[str, Decimal]], least: int, most: int
    ) -> tuple[float | None, str | None]:
        if value is None:
            return None, None
        unit, factor = units.get(spelling(str(_dict(value).get("unit"))), ("", Decimal(0)))
        number = _dict(value).get("value")
        try:
            if factor == 1 and isinstance(number, str):
                return decimal("", number, least, most), unit
        except BadCell:
            pass
        self._losses[PARTS] += 1
        return None, None

    def _seconds(self, value: object) -> int | None:
        """Return the seconds of an ISO 8601 duration, rounded half up."""
        if value is None:
            return None
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match:
            hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
            half = (match[4] or "0")[0] >= "5"
            total = hours * 3600 + minutes * 60 + seconds + half
            if total <= MAX_SECONDS:
                return total
        self._losses[PARTS] += 1
        return None

    def _whole(self, value: object, most: int) -> int | None:
        try:
            return whole("", value, 0, most) if isinstance(value, str) else None
        except BadCell:
            return None

    def _list(self, value: object, most: int) -> list[Any]:
        if not isinstance(value, list):
            self._losses[PARTS] += value is not None
            return []
        self._losses[PARTS] += max(0, len(value) - most)
        return value[:most]


def _cardio_notes(one: dict[str, Any]) -> str:
    given = [(name, one.get(name)) for name in _CARDIO_NOTES]
    return ", ".join(f"{name} {value}" for name, value in given if isinstance(value, str))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

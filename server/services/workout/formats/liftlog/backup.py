"""Backups of LiftLog (`.liftlogbackup.gz`): a compressed SQLite database with a row per session.

The payload of a session is JSON; `session.py` reads it. A session is a workout as soon as
something of it was done.
"""

import contextlib
import json
from collections import Counter
from typing import Any, BinaryIO
from uuid import UUID

from server.services.workout.formats.identity import id_of
from server.services.workout.formats.liftlog.sandbox import Session, sessions
from server.services.workout.formats.liftlog.session import (
    PARTS,
    SHORTENED,
    Losses,
    SessionReader,
)
from server.services.workout.formats.liftlog.times import Times, moment_in
from server.services.workout.formats.model import (
    BadCell,
    Format,
    ReadFile,
    ReadOptions,
    ReadWorkout,
)
from server.services.workout.formats.size import SetCount, require_size
from server.services.workout.formats.values import date
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import (
    MAX_NOTES_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    Workout,
)

UNNAMED = "Workout"

_ACTIVE = "active"
_EMPTY = "empty"
_UNREADABLE = "unreadable"
_NOT_READ = "bodyweight"
# The warnings: for one, and for several.
_SENTENCES = {
    _ACTIVE: (
        "1 session is still under way and was left out",
        "sessions are still under way and were left out",
    ),
    _EMPTY: (
        "1 session has no set that was done and was left out",
        "sessions have no set that was done and were left out",
    ),
    _UNREADABLE: (
        "1 session cannot be read and was left out",
        "sessions cannot be read and were left out",
    ),
    PARTS: (
        "1 part of a session is unknown or malformed and was left out",
        "parts of sessions are unknown or malformed and were left out",
    ),
    SHORTENED: ("1 text was too long and was shortened", "texts were too long and were shortened"),
}


def read(file: BinaryIO, options: ReadOptions) -> ReadFile:
    """Read a backup. Raises UnreadableFile."""
    reader = _Reader(options)
    with contextlib.closing(sessions(file)) as found:
        for session in found:
            reader.add(session)
    return reader.file()


class _Reader:
    """Reader of sessions into workouts."""

    def __init__(self, options: ReadOptions) -> None:
        self._default_duration = options.default_duration
        self._warnings = Warnings()
        self._times = Times(options, self._warnings)
        self._losses: Losses = Counter()
        self._workouts: dict[UUID, ReadWorkout] = {}
        self._has_bodyweight = False
        self._sets = SetCount()

    def add(self, session: Session) -> None:
        """Add a session, unless it is under way, has nothing done, or cannot be read."""
        if session.get("active"):
            self._losses[_ACTIVE] += 1
            return
        payload = _payload(session)
        name = session.get("id") or payload.get("id")
        if not payload or not isinstance(name, str):
            self._losses[_UNREADABLE] += 1
            return
        losses: Losses = Counter()
        found = self._workout(id_of(Format.LIFTLOG, name.lower()), payload, losses)
        # The first of several, as in the app.
        if found and self._workouts.setdefault(found.workout.id, found) is found:
            self._sets.add(found.workout.exercises)
            self._losses += losses
            self._has_bodyweight |= payload.get("bodyweight") is not None

    def file(self) -> ReadFile:
        """Return the workouts in the order of their starts, and what was left out."""
        for loss, (of_one, of_several) in _SENTENCES.items():
            if number := self._losses[loss]:
                self._warnings.add(of_one if number == 1 else f"{number:,} {of_several}")
        workouts = sorted(
            self._workouts.values(), key=lambda one: (one.workout.date, one.workout.start_time)
        )
        if assumed := sum(one.duration_assumed for one in workouts):
            self._warnings.add(assumed_durations(assumed, self._default_duration))
        return ReadFile(
            Format.LIFTLOG,
            workouts,
            columns_not_read=[_NOT_READ] if self._has_bodyweight else [],
            warnings=self._warnings.sentences(),
        )

    def _workout(self, id_: UUID, payload: dict[str, Any], losses: Losses) -> ReadWorkout | None:
        reader = SessionReader(losses)
        exercises = reader.exercises(payload.get("recordedExercises"))
        if not any(one.completed is not False for each in exercises for one in each.sets):
            self._losses[_EMPTY] += 1
            return None
        moments = [moment for text in reader.completions if (moment := moment_in(text))]
        losses[PARTS] += len(reader.completions) - len(moments)
        span = self._times.span(moments) if moments else None
        try:
            day = date("", str(payload.get("date")))
        except BadCell:
            if span is None:
                self._losses[_UNREADABLE] += 1
                return None
            day = span.date
        blueprint = payload.get("blueprint")
        about = blueprint if isinstance(blueprint, dict) else {}
        workout = Workout(
            id_,
            day,
            reader.text(about.get("name"), MAX_TYPE_CHARACTERS).strip() or UNNAMED,
            span.minutes if span and span.minutes else self._default_duration,
            reader.text(about.get("notes"), MAX_NOTES_CHARACTERS),
            span.start_time if span else "",
            exercises,
        )
        try:
            require_size(workout, "session")
        except BadCell:
            self._losses[_UNREADABLE] += 1
            return None
        assumed = not (span and span.minutes)
        return ReadWorkout(0, workout, assumed, Format.LIFTLOG.value)


def assumed_durations(number: int, minutes: int) -> str:
    """Return the warning about workouts whose length the times of their sets do not tell."""
    if number == 1:
        return f"The length of 1 workout is not in the file; it was taken as {minutes} minutes"
    return (
        f"The length of {number:,} workouts is not in the file; it was taken as {minutes} minutes"
    )


def _payload(session: Session) -> dict[str, Any]:
    """Return the payload of a session with its numbers as texts; empty if it cannot be read."""
    try:
        payload = json.loads(
            session.get("payload") or "", parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, TypeError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}

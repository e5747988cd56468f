"""The last step of reading a workout: its type, length, times, and the places of its notes."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from server.services.workout.formats.apps.session import Block, Session
from server.services.workout.formats.cells.zones import Clock
from server.services.workout.formats.identity import id_of
from server.services.workout.formats.model import Format, ReadOptions, ReadWorkout
from server.services.workout.formats.warnings import Warnings
from server.services.workout.model import (
    MAX_EXERCISE_NOTES_CHARACTERS,
    MAX_MINUTES,
    MAX_NAME_CHARACTERS,
    MAX_NOTES_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    MIN_MINUTES,
    Exercise,
    Workout,
)

_UNNAMED = "Workout"


class Finisher:
    """A maker of workouts from sessions, which are given in the order of the file."""

    def __init__(
        self,
        app: Format,
        options: ReadOptions,
        warnings: Warnings,
        ids: Mapping[Session, UUID],
    ) -> None:
        self._app = app
        self._default_duration = options.default_duration
        self._warnings = warnings
        self._clock = Clock(options, warnings)
        self._ids = ids

    def finish(self, session: Session) -> tuple[dt.datetime, ReadWorkout]:
        """Return the local start of a workout, and the workout."""
        local, start_time = self._clock.place(session.start)
        kind, full_name = _type(session)
        moved: list[str] = []
        exercises = tuple(self._exercise(block, session.line, moved) for block in session.blocks)
        minutes = self._minutes(session)
        workout = Workout(
            self._ids[session],
            local.date(),
            kind,
            minutes or self._default_duration,
            self._notes((*full_name, *session.notes, *moved), session.line),
            start_time,
            exercises,
        )
        assumed = minutes is None
        return local, ReadWorkout(session.line, workout, assumed, source=self._app.value)

    def _minutes(self, session: Session) -> int | None:
        """Return the length in minutes, rounded half up; None if the file has no usable one."""
        if not session.seconds:
            return None
        minutes = max(MIN_MINUTES, (session.seconds + 30) // 60)
        if session.seconds > 0 and minutes <= MAX_MINUTES:
            return minutes
        self._warnings.add(
            f"Lengths that are not from {MIN_MINUTES} to {MAX_MINUTES:,} minutes were replaced by "
            f"{self._default_duration} minutes",
            session.line,
        )
        return None

    def _exercise(self, block: Block, line: int, moved: list[str]) -> Exercise:
        """Return the exercise; `moved` receives notes that are too long for it."""
        name = block.name[:MAX_NAME_CHARACTERS].rstrip()
        notes: list[str] = []
        room = MAX_EXERCISE_NOTES_CHARACTERS
        for note in (*(() if name == block.name else (block.name,)), *block.notes):
            if len(note) <= room:
                notes.append(note)
                room -= len(note) + 1
                continue
            moved.append(f"{name}: {note}")
            self._warnings.add(
                f"Notes of exercises over {MAX_EXERCISE_NOTES_CHARACTERS:,} characters were moved "
                "to the notes of the workout",
                line,
            )
        return Exercise(name, "\n".join(notes), block.part.superset, tuple(block.sets))

    def _notes(self, parts: Iterable[str], line: int) -> str:
        notes = "\n".join(parts)
        if len(notes) <= MAX_NOTES_CHARACTERS:
            return notes
        self._warnings.add(
            f"Notes of workouts were cut after {MAX_NOTES_CHARACTERS:,} characters", line
        )
        return notes[: MAX_NOTES_CHARACTERS - 1] + "…"


def ids_of(app: Format, sessions: Iterable[Session]) -> dict[Session, UUID]:
    """Return an id of each workout's start and name, and of what else distinguishes it.

    Earlier releases derived it from the start and the name alone. The order of the file plays no
    part: some apps write the newest workout first.
    """
    ids: dict[UUID, Session] = {}
    ordinals: Counter[tuple[str, ...]] = Counter()
    for session in sorted(sessions, key=lambda one: (one.start.wall, one.name, one.key)):
        parts = (session.start.wall.isoformat(), session.name)
        longer = (*parts, *session.key[:1])
        found = id_of(app, *parts)
        while found in ids:
            ordinals[longer] += 1
            ordinal = ordinals[longer]
            found = id_of(app, *longer, *(() if ordinal == 1 else (ordinal,)))
        ids[found] = session
    return {session: id_ for id_, session in ids.items()}


def _type(session: Session) -> tuple[str, list[str]]:
    """Return the type of the workout and, if it was shortened, the full name for the notes."""
    full = session.name or ", ".join(session.categories) or _UNNAMED
    if len(full) <= MAX_TYPE_CHARACTERS:
        return full, []
    between_categories = "" if session.name else full[: MAX_TYPE_CHARACTERS + 2]
    shortened = between_categories.rpartition(", ")[0] or full[:MAX_TYPE_CHARACTERS].rstrip()
    return shortened, [full]

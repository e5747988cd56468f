"""Backups of LiftLog for tests."""

import gzip
import json
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from server.services.workout.formats.liftlog import backup
from server.services.workout.formats.model import ReadFile, ReadOptions
from server.services.workout.model import Exercise

SESSION_ID = "5d9a1b1e-0000-4000-8000-000000000001"
TABLE = (
    "CREATE TABLE session (id text primary key not null, active integer not null default false, "
    "payload text not null)"
)


def database(
    folder: Path, *statements: str, rows: list[tuple[Any, Any, Any]] | None = None
) -> Path:
    """Return a new database; `rows` are ids, states and payloads."""
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
        if rows:
            connection.executemany("INSERT INTO session VALUES (?, ?, ?)", rows)
    return path


def compressed(path: Path) -> BytesIO:
    return BytesIO(gzip.compress(path.read_bytes()))


def read_sessions(folder: Path, *payloads: object, options: ReadOptions | None = None) -> ReadFile:
    """Read a backup of sessions, whose ids are 0, 1 …"""
    rows = [(str(index), 0, json.dumps(payload)) for index, payload in enumerate(payloads)]
    file = compressed(database(folder, TABLE, rows=rows))
    return backup.read(file, options or ReadOptions())


def done(reps: Any = 5, at: str = "2026-02-17T07:25:00+11:00", weight: object = None) -> object:
    """Return a set that was done."""
    return {"weight": weight, "set": {"repsCompleted": reps, "completionDateTime": at}}


def weighted(*sets: object, name: str = "Squat", **values: object) -> dict[str, Any]:
    """Return a weighted exercise."""
    exercise: dict[str, Any] = {
        "type": "RecordedWeightedExercise",
        "blueprint": {"name": name, "supersetWithNext": False},
        "potentialSets": list(sets),
    }
    return {**exercise, **values}


def session(*exercises: object, **values: object) -> dict[str, Any]:
    """Return the payload of a session."""
    payload: dict[str, Any] = {
        "id": SESSION_ID,
        "date": "2026-02-17",
        "blueprint": {"name": "Push", "notes": ""},
        "recordedExercises": list(exercises),
    }
    return {**payload, **values}


def exercises(file: ReadFile) -> tuple[Exercise, ...]:
    [found] = file.workouts
    return found.workout.exercises

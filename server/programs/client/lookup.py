"""Finding workouts by the beginning of their ids."""

import re
from collections.abc import Sequence
from uuid import UUID

import grpc
from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client.channel import RequestFailed
from server.programs.client.connection import Connection
from server.programs.client.diary import MAX_WORKOUTS, Selection, get, list_newest
from server.programs.client.text import counted, printable

MIN_LENGTH = 4
MAX_CANDIDATES = 10
EVERYTHING = Selection("", "", "")
_PREFIX = re.compile(rf"[0-9a-f]{{{MIN_LENGTH},32}}")


async def find(connection: Connection, ids: Sequence[str]) -> list[workout_pb2.Workout]:
    """Return the workouts with these ids, or beginnings of ids. Raises StartError.

    Only those found by a whole id have their exercises.
    """
    prefixes = [_prefix(each) for each in ids]
    known: list[workout_pb2.Workout] = []
    if any(len(prefix) < 32 for prefix in prefixes):
        # A beginning is unambiguous only among all workouts.
        known, _ = await list_newest(connection, EVERYTHING, MAX_WORKOUTS)
    found = [
        await _get(connection, prefix) if len(prefix) == 32 else _only(prefix, known)
        for prefix in prefixes
    ]
    # The same workout may be named twice.
    return list({each.id: each for each in found}.values())


async def find_whole(connection: Connection, id_: str) -> workout_pb2.Workout:
    """Return a workout with its exercises, by its id or the beginning of it. Raises StartError."""
    (found,) = await find(connection, [id_])
    return found if len(_prefix(id_)) == 32 else await get(connection, found.id)


def _prefix(text: str) -> str:
    """Return an id, or the beginning of one, without hyphens."""
    prefix = text.strip().lower().replace("-", "")
    if not _PREFIX.fullmatch(prefix):
        raise StartError(
            f"{printable(text)!r} is not the id of a workout: pass at least its first {MIN_LENGTH} "
            "characters, as `gymlocker workouts list` shows them."
        )
    return prefix


async def _get(connection: Connection, digits: str) -> workout_pb2.Workout:
    try:
        return await get(connection, str(UUID(digits)))
    except RequestFailed as error:
        if error.code != grpc.StatusCode.NOT_FOUND:
            raise
        raise _not_found(str(UUID(digits))) from error


def _only(prefix: str, known: Sequence[workout_pb2.Workout]) -> workout_pb2.Workout:
    candidates = [each for each in known if each.id.replace("-", "").startswith(prefix)]
    if not candidates:
        raise _not_found(prefix)
    if len(candidates) > 1:
        lines = [
            f"  {each.id}  {each.date}  {printable(each.type)}"
            for each in candidates[:MAX_CANDIDATES]
        ]
        raise StartError(
            f"The ids of {counted(len(candidates), 'workout')} begin with {prefix}: pass more of "
            "it.\n" + "\n".join(lines)
        )
    return candidates[0]


def _not_found(id_: str) -> StartError:
    return StartError(
        f"You have no workout with the id {id_}: `gymlocker workouts list` shows the ids."
    )

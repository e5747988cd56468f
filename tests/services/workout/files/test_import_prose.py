"""Imports of files that an earlier release imported with their sets as prose."""

from uuid import UUID

import asyncpg

from server.services.workout.formats.identity import id_of
from server.services.workout.formats.model import Format
from tests.services.workout.diary import Diary, over_grpc
from tests.services.workout.files.transports import Files

STRONG = """Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Notes,Workout Notes
2026-02-07 18:02:11,Push,45m,Bench,1,80,5,slow,good day
2026-02-07 18:02:11,Push,45m,Bench,2,80,4,slow,good day
"""
FITNOTES = """Date,Exercise,Category,Weight,Weight Unit,Reps
2026-02-07,Bench Press,Chest,60,kgs,8
2026-02-07,Squat,Legs,100,kgs,5
"""


async def imported_before(
    database: asyncpg.Connection,
    diary: Diary,
    workout_id: UUID,
    type_: str,
    minutes: int,
    notes: str,
) -> str:
    """Store a workout as an earlier release did; return its id."""
    await database.execute(
        "INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created) "
        "VALUES ($1, $2, '2026-02-07', $3, lower($3), $4, $5, now())",
        UUID(diary.user.id),
        workout_id,
        type_,
        minutes,
        notes,
    )
    return str(workout_id)


def strong_id() -> UUID:
    return id_of(Format.STRONG, "2026-02-07T18:02:11", "Push")


@over_grpc
class TestImportProse:
    async def test_gives_sets_to_workout_as_imported(
        self, database: asyncpg.Connection, diary: Diary, files: Files
    ) -> None:
        prose = "good day\nBench: 80 × 5, 80 × 4 (slow)"
        known = await imported_before(database, diary, strong_id(), "Push", 45, prose)
        response = await files.load(diary.credentials, STRONG.encode(), unit="kg")
        assert (response.added, response.updated, response.edited_here) == (0, 1, 0)
        workout = await diary.get(known)
        assert (workout.notes, workout.source, workout.set_count) == ("good day", "strong", 2)
        assert workout.exercises[0].notes == "slow"
        again = await files.load(diary.credentials, STRONG.encode(), unit="kg")
        assert (again.existing, again.updated) == (1, 0)

    async def test_keeps_what_was_edited_since(
        self, database: asyncpg.Connection, diary: Diary, files: Files
    ) -> None:
        prose = "good day\nBench: 80 × 5, 80 × 4 (slow)\nshoulder hurt"
        known = await imported_before(database, diary, strong_id(), "Push day", 50, prose)
        assert (await files.load(diary.credentials, STRONG.encode(), unit="kg")).updated == 1
        workout = await diary.get(known)
        assert (workout.type, workout.duration) == ("Push day", 50)
        assert (workout.notes, workout.set_count) == ("good day\nshoulder hurt", 2)
        again = await files.load(diary.credentials, STRONG.encode(), unit="kg")
        assert (again.updated, again.edited_here) == (0, 1)
        assert await diary.get(known) == workout

    async def test_takes_grown_file(
        self, database: asyncpg.Connection, diary: Diary, files: Files
    ) -> None:
        workout_id = id_of(Format.FITNOTES, "2026-02-07T00:00:00", "")
        prose = "Bench Press: 60 kgs × 8"
        known = await imported_before(database, diary, workout_id, "Chest", 60, prose)
        assert (await files.load(diary.credentials, FITNOTES.encode())).updated == 1
        workout = await diary.get(known)
        assert (workout.type, workout.notes, workout.set_count) == ("Chest, Legs", "", 2)
        assert (await files.load(diary.credentials, FITNOTES.encode())).existing == 1

    async def test_predicts_it_in_dry_run(
        self, database: asyncpg.Connection, diary: Diary, files: Files
    ) -> None:
        known = await imported_before(database, diary, strong_id(), "Push", 45, "Bench: 80 × 5")
        before = await diary.get(known)
        response = await files.load(diary.credentials, STRONG.encode(), unit="kg", dry_run=True)
        assert response.updated == 1
        assert await diary.get(known) == before

    async def test_keeps_it_on_request(
        self, database: asyncpg.Connection, diary: Diary, files: Files
    ) -> None:
        known = await imported_before(database, diary, strong_id(), "Push", 45, "Bench: 80 × 5")
        response = await files.load(diary.credentials, STRONG.encode(), unit="kg", on_change="keep")
        assert (response.existing, response.updated) == (1, 0)
        assert (await diary.get(known)).set_count == 0

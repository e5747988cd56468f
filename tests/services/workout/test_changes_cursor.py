"""Cursors of changes: malformed, of another user, and expired ones."""

import base64
from contextlib import AbstractContextManager
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode

from server.programs.demo.transport import CallError
from tests.services.workout.device import Device
from tests.services.workout.diary import Diary, over_grpc, violates
from tests.support.client import error_info


def refuses_cursor() -> AbstractContextManager[object]:
    """Expect a call to be rejected because its cursor has expired."""
    return pytest.raises(CallError, check=_is_expired)


def _is_expired(error: CallError) -> bool:
    return error.code == StatusCode.OUT_OF_RANGE and error_info(error).reason == "CURSOR_EXPIRED"


class TestCursor:
    async def test_rejects_malformed(self, diary: Diary) -> None:
        await diary.create()
        cursor = (await diary.changes()).next_cursor
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        other_version = base64.urlsafe_b64encode(b"\2" + data[1:]).decode()
        negative = base64.urlsafe_b64encode(data[:9] + b"\xff" * 4 + data[13:]).decode()
        for wrong in (
            *("x", "0", "==", "é", "x" * 55, "x" * 200, "-1", " ", "null"),
            *(cursor[:-1], cursor[1:], cursor + "AAAA", f" {cursor}", other_version, negative),
        ):
            with violates("cursor"):
                await diary.changes(wrong)
        with violates("cursor"):
            await diary.changes("x" * 201)

    async def test_rejects_that_of_another_user(self, diary: Diary, other: Diary) -> None:
        for owner in (diary, other):
            await owner.create()
        cursor = (await other.changes()).next_cursor
        with violates("cursor"):
            await diary.changes(cursor)
        assert list((await other.changes(cursor)).changes) == []


@over_grpc
class TestExpiredCursor:
    async def test_is_rejected_if_later_deletions_were_pruned(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        workouts = [await diary.create() for _ in range(3)]
        before = (await diary.changes()).next_cursor
        await diary.delete(workouts[0].id)
        between = (await diary.changes(before)).next_cursor
        await diary.delete(workouts[1].id)
        after = (await diary.changes(between)).next_cursor
        await prune(database, diary, count=2)
        for expired in (before, between):
            with refuses_cursor():
                await diary.changes(expired)
        assert list((await diary.changes(after)).changes) == []
        device = Device(diary)
        await device.synchronize()
        assert await device.is_exact()

    async def test_is_accepted_if_only_earlier_deletions_were_pruned(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        device = Device(diary)
        workouts = [await diary.create() for _ in range(3)]
        await diary.delete(workouts[0].id)
        await device.synchronize()
        await diary.delete(workouts[1].id)
        await prune(database, diary, count=1)
        await device.synchronize()
        assert await device.is_exact()

    async def test_walk_that_began_before_deletion_is_rejected(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        workouts = [await diary.create() for _ in range(4)]
        device = Device(diary, 2)
        await device.read()
        await diary.delete(workouts[0].id)
        await prune(database, diary, count=1)
        with refuses_cursor():
            await device.read()

    async def test_walk_that_began_after_deletion_continues(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        workouts = [await diary.create() for _ in range(4)]
        await diary.delete(workouts[0].id)
        device = Device(diary, 1)
        await device.read()
        await prune(database, diary, count=1)
        await device.synchronize()
        assert await device.is_exact()
        assert len(device.copy) == 3

    async def test_is_rejected_if_ahead_of_database(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        workouts = [await diary.create() for _ in range(4)]
        complete = (await diary.changes()).next_cursor
        in_first_walk = (await diary.changes(page_size=1)).next_cursor
        # As after the restoration of an older backup: the third and fourth workout never were.
        for workout in workouts[2:]:
            await diary.delete(workout.id)
        owner_id = UUID(diary.user.id)
        await database.execute("DELETE FROM workout_deletions WHERE user_id = $1", owner_id)
        await database.execute(
            "UPDATE workout_clocks SET revision = 2 WHERE user_id = $1", owner_id
        )
        for ahead in (complete, in_first_walk):
            with refuses_cursor():
                await diary.changes(ahead)
        device = Device(diary)
        await device.synchronize()
        assert await device.is_exact()


async def prune(database: asyncpg.Connection, diary: Diary, count: int) -> None:
    """Remove the first deletions, as the sweep does after 90 days."""
    owner_id = UUID(diary.user.id)
    await database.execute(
        """
        WITH gone AS (
            DELETE FROM workout_deletions WHERE (user_id, id) IN (
                SELECT user_id, id FROM workout_deletions WHERE user_id = $1
                ORDER BY revision LIMIT $2
            ) RETURNING revision
        )
        UPDATE workout_clocks SET pruned = (SELECT max(revision) FROM gone) WHERE user_id = $1
        """,
        owner_id,
        count,
    )

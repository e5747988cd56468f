"""Daily sums behind the statistics: correct after any write."""

import asyncio
import random
from uuid import UUID

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import user_pb2

from tests.services.workout.diary import TABLES, Diary, diary_of, over_grpc, sums_are_correct
from tests.services.workout.figures import TYPES
from tests.support.client import Client, many_users, refused
from tests.support.stack import Stack

# {theirs}: rows of the users $1; {n}: a number from 0 to 8; {some}: some of their rows, or none.
WRITES = {
    "add": """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT owner, gen_random_uuid(), '2026-02-01'::date + number % 4, 'Run',
            CASE number % 3 WHEN 0 THEN 'run' ELSE 'yoga' END, number, '', now()
        FROM unnest($1::uuid[]) AS owner, generate_series(1, {n}) AS number
    """,
    "add what is there": """
        INSERT INTO workouts SELECT * FROM workouts WHERE {theirs} ON CONFLICT DO NOTHING
    """,
    "write over what is there": """
        INSERT INTO workouts SELECT * FROM workouts WHERE {theirs}
        ON CONFLICT (user_id, id) DO UPDATE SET duration = workouts.duration + 1
    """,
    "make all longer": "UPDATE workouts SET duration = duration + {n} WHERE {theirs}",
    "move all": "UPDATE workouts SET date = date + {n} - 4 WHERE {theirs}",
    "make all one type": "UPDATE workouts SET type_key = 'a' WHERE {theirs}",
    "change nothing": "UPDATE workouts SET id = id WHERE {theirs}",
    "give some away": """
        UPDATE workouts SET user_id = ($1::uuid[])[CASE user_id WHEN $1[1] THEN 2 ELSE 1 END]
        WHERE {some}
    """,
    "move some": "UPDATE workouts SET date = '2026-02-02' WHERE {some}",
    "delete some": "DELETE FROM workouts WHERE {some}",
    "delete all": "DELETE FROM workouts WHERE {theirs}",
    "delete none": "DELETE FROM workouts WHERE {theirs} AND duration < 0",
}


def write(name: str, n: int) -> str:
    """Return the SQL of a write."""
    theirs = "user_id = ANY($1::uuid[])"
    some = f"{theirs} AND get_byte(uuid_send(id), 15) % 4 = {n} % 4"
    return WRITES[name].format(n=n, theirs=theirs, some=some)


class TestSumsAfterCalls:
    @over_grpc
    async def test_are_correct_after_concurrent_calls(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        types = list(TYPES)
        kept = [await diary.create(date=f"2026-02-0{number % 3 + 1}") for number in range(12)]

        async def write(number: int) -> None:
            date = f"2026-02-0{number % 3 + 1}"
            created = await diary.create(date=date, type=types[number % 7], duration=number)
            if number % 2:
                await diary.patch(created.id, duration=number + 1)
            else:
                await diary.delete(created.id)

        changes = [
            diary.patch(workout.id, type=types[number % 5]) for number, workout in enumerate(kept)
        ]
        await asyncio.gather(*(write(number) for number in range(1, 31)), *changes)
        assert await sums_are_correct(database, diary.user.id)
        stats = await diary.stats()
        assert (stats.count, stats.minutes) == (27, 12 * 30 + sum(range(2, 32, 2)))

    @over_grpc
    async def test_are_correct_after_workouts_swap_dates(
        self, diary: Diary, database: asyncpg.Connection
    ) -> None:
        dates = ["2026-02-01", "2026-02-02"]
        pairs = [(await diary.create(date=dates[0]), await diary.create(date=dates[1]))]
        for one, other in pairs * 5:
            await asyncio.gather(
                diary.patch(one.id, date=dates[1]), diary.patch(other.id, date=dates[0])
            )
            dates.reverse()
        assert await sums_are_correct(database, diary.user.id)

    @over_grpc
    async def test_are_deleted_with_user(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        diary, stays = [await diary_of(client, await client.new_user()) for _ in range(2)]
        for number in range(4):
            await diary.create(date=f"2026-02-0{number + 1}")
            await stays.create(date=f"2026-02-0{number + 1}")
        user = diary.user
        writing = asyncio.gather(*(diary.create() for _ in range(5)), return_exceptions=True)
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )
        await writing
        for table in TABLES:
            query = f"SELECT count(*) FROM {table} WHERE user_id = $1"
            assert await database.fetchval(query, UUID(user.id)) == 0
        assert (await stays.stats()).count == 4
        with refused(StatusCode.UNAUTHENTICATED):
            await diary.stats()


class TestSumsAfterSql:
    @pytest.mark.parametrize("seed", range(4))
    async def test_are_correct_after_random_writes(
        self, stack: Stack, database: asyncpg.Connection, seed: int
    ) -> None:
        chance = random.Random(seed)
        ids = await many_users(database, 2)
        users = [str(user_id) for user_id in ids]
        for _ in range(60):
            name = chance.choice(["add", "add", *WRITES])
            transaction = database.transaction()
            await transaction.start()
            await database.execute(write(name, chance.randrange(9)), ids)
            assert await sums_are_correct(database, *users), name
            await (transaction.rollback() if chance.random() < 0.2 else transaction.commit())
            assert await sums_are_correct(database, *users), name
        await database.execute(write("delete all", 0), ids)
        query = "SELECT count(*) FROM workout_days WHERE user_id = ANY($1::uuid[])"
        assert await database.fetchval(query, ids) == 0
        await database.execute("DELETE FROM users WHERE id = ANY($1)", ids)

    async def test_are_deleted_with_user(self, stack: Stack, database: asyncpg.Connection) -> None:
        ids = await many_users(database, 3)
        await database.execute(write("add", 8), ids)
        await database.execute("DELETE FROM users WHERE id = ANY($1)", ids[:2])
        for table in ("workouts", "workout_days", "workout_clocks"):
            query = f"SELECT count(DISTINCT user_id) FROM {table} WHERE user_id = ANY($1::uuid[])"
            assert await database.fetchval(query, ids) == 1
        assert await sums_are_correct(database, *map(str, ids))

"""Imports at the same time, and imports that break off."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from datetime import date
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import user_pb2

from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import ThrowawayPostgres
from server.services.workout.import_repository import ImportRepository
from server.services.workout.model import Workout
from server.services.workout.upload import MAX_UPLOADS_OF_OWNER
from tests.services.workout.diary import Diary, diary_of, sums_are_right
from tests.services.workout.files.contents import FILLING, csv_of, year_of
from tests.services.workout.files.upload import Upload, begun, say
from tests.services.workout.files.ways import Files
from tests.support.client import Client, many_users
from tests.support.stack import Stack
from tests.support.waiting import eventually, eventually_true

# --- At the same time ---


async def test_imports_of_one_file_at_the_same_time_add_each_workout_once(
    diary: Diary, files: Files, database: asyncpg.Connection
) -> None:
    data = year_of(300)
    replies = await asyncio.gather(*(files.load(diary.credentials, data) for _ in range(4)))
    assert sum(reply.added for reply in replies) == (await diary.stats()).count == 300
    assert all(reply.added + reply.existing == 300 for reply in replies)
    assert await sums_are_right(database, diary.user.id)


async def test_the_same_workouts_in_another_order_do_not_stand_in_each_others_way(
    stack: Stack, postgres: ThrowawayPostgres, database: asyncpg.Connection
) -> None:
    (user_id,) = await many_users(database, 1)
    new = [Workout(uuid4(), date(2026, 2, 7), "Run", 1, "") for _ in range(3)]
    async with Database(postgres.url("gymlocker"), pool_size=2) as pool:
        add_many = ImportRepository(pool).add_many
        # Somebody has the second one, so that each of both gets one and waits.
        hindrance = database.transaction()
        await hindrance.start()
        await database.execute(
            "INSERT INTO workouts VALUES ($1, $2, '2026-02-07', '', '', 1, '', now())",
            user_id,
            new[1].id,
        )
        adding = asyncio.gather(add_many(user_id, new), add_many(user_id, new[::-1]))
        await eventually_true(partial(two_wait, database))
        await hindrance.rollback()
        assert sum(await adding) == 3
    assert await sums_are_right(database, str(user_id))


async def two_wait(database: asyncpg.Connection) -> bool:
    """Whether two transactions wait for a lock."""
    query = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    return bool(await database.fetchval(query) == 2)


async def test_nobody_keeps_others_from_importing(
    stack: Stack, client: Client, diary: Diary, files: Files
) -> None:
    data = csv_of("2026-02-07,Run,30,")
    owners = [await diary_of(client, await client.new_user()) for _ in range(4)]
    uploads: list[Upload] = []
    async with AsyncExitStack() as resources:

        async def send_for_ever() -> None:
            """Send as much as keeps a place, however long the test takes."""
            while True:
                for upload in uploads:
                    with suppress(ConnectionError):
                        await upload.say(b"x" * 100_000)
                await asyncio.sleep(1)

        resources.callback(asyncio.create_task(send_for_ever()).cancel)

        async def fill(source: str, owner: Diary) -> list[Upload]:
            new = [
                await resources.enter_async_context(Upload(stack, owner, uuid4(), source))
                for _ in range(MAX_UPLOADS_OF_OWNER)
            ]
            for upload in new:
                await upload.say(FILLING * 2)
            uploads.extend(new)
            return new

        async def is_refused(owner: Diary) -> bool:
            [outcome] = await asyncio.gather(
                files.load(owner.credentials, data), return_exceptions=True
            )
            return getattr(outcome, "code", None) is StatusCode.RESOURCE_EXHAUSTED

        await fill("127.0.0.2", owners[0])
        await eventually_true(partial(is_refused, owners[0]))
        greedy = await fill("127.0.0.1", diary) + await fill("127.0.0.1", owners[1])
        await eventually_true(partial(is_refused, owners[2]))

        transport = httpx2.AsyncHTTPTransport(local_address="127.0.0.4")
        elsewhere = httpx2.AsyncClient(base_url=stack.url, timeout=30, transport=transport)
        await resources.enter_async_context(elsewhere)

        async def status(owner: Diary) -> int:
            headers = {**dict(owner.credentials), "content-type": "text/csv"}
            return (
                await elsewhere.post("/workouts/import", content=data, headers=headers)
            ).status_code

        async def has_its_share(owner: Diary) -> bool:
            return await status(owner) == 429

        await fill("127.0.0.3", owners[3])
        await eventually_true(partial(has_its_share, owners[3]))
        # All places are taken. The address that has most of them gives one up.
        assert await status(owners[2]) == 200
        answers = [asyncio.create_task(upload.reader.readline()) for upload in greedy]
        done, others = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [b"HTTP/1.1 503 Service Unavailable\r\n"]
        for task in others:
            task.cancel()


# --- Half a file ---


def ends_of(stack: Stack, request_id: UUID) -> list[str]:
    """How the worker's calls of that id ended."""
    lines = [line for line in stack.logs().splitlines() if str(request_id) in line]
    return [entry["code"] for entry in map(json.loads, lines) if entry.get("event") == "call"]


async def test_who_hangs_up_in_the_middle_adds_nothing(
    stack: Stack, diary: Diary, channel: aio.Channel
) -> None:
    over_rest, over_grpc = uuid4(), uuid4()
    async with Upload(stack, diary, over_rest) as upload:
        await upload.say(FILLING * 3)
    call = begun(channel, diary, over_grpc)
    await say(call, csv_of("2026-02-07,Run,30,"))
    call.cancel()
    await eventually(lambda: ends_of(stack, over_rest) == ["CANCELLED"])
    await eventually(lambda: ends_of(stack, over_grpc) == ["CANCELLED"])
    assert await diary.all() == []


async def test_an_import_of_somebody_who_was_deleted_meanwhile_is_refused(
    client: Client, diary: Diary, channel: aio.Channel, database: asyncpg.Connection
) -> None:
    call = begun(channel, diary, uuid4())
    await say(call, csv_of("2026-02-07,Run,30,"))
    user = diary.user
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=user.id, password=user.password))
    await call.done_writing()
    with pytest.raises(aio.AioRpcError) as error:
        await call
    assert error.value.code() in {StatusCode.NOT_FOUND, StatusCode.UNAUTHENTICATED}
    query = "SELECT count(*) FROM workouts WHERE user_id = $1"
    assert await database.fetchval(query, UUID(user.id)) == 0

"""Imports at the same time, and imports that are interrupted."""

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
from server.libraries.limits.transfers import MAX_TRANSFERS_PER_OWNER
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.workout.formats.model import ReadWorkout
from server.services.workout.import_repository import ImportRepository
from server.services.workout.model import Workout
from tests.services.workout.diary import Diary, diary_of, sums_are_correct
from tests.services.workout.files.contents import FILLER, csv_of, many_workouts
from tests.services.workout.files.transports import Files
from tests.services.workout.files.upload import Upload, send_chunk, start_import
from tests.support.client import Client, many_users
from tests.support.stack import Stack
from tests.support.waiting import eventually, eventually_true


async def two_are_waiting(database: asyncpg.Connection) -> bool:
    """Check whether two transactions wait for a lock."""
    query = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    return bool(await database.fetchval(query) == 2)


def ends_of(stack: Stack, request_id: UUID) -> list[str]:
    """Return the status codes of the worker's calls with that request id."""
    lines = [line for line in stack.logs().splitlines() if str(request_id) in line]
    return [entry["code"] for entry in map(json.loads, lines) if entry.get("event") == "call"]


async def is_answered(upload: Upload) -> bool:
    """Check whether an upload was refused. Otherwise nothing is read."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            return bool(await upload.reader.read(1))
    return False


class TestConcurrentImports:
    async def test_same_file_adds_each_workout_once(
        self, diary: Diary, files: Files, database: asyncpg.Connection
    ) -> None:
        data = many_workouts(300)
        responses = await asyncio.gather(*(files.load(diary.credentials, data) for _ in range(4)))
        assert sum(response.added for response in responses) == (await diary.stats()).count == 300
        assert all(response.added + response.existing == 300 for response in responses)
        assert await sums_are_correct(database, diary.user.id)

    async def test_reversed_order_does_not_deadlock(
        self, stack: Stack, postgres: TemporaryPostgres, database: asyncpg.Connection
    ) -> None:
        (user_id,) = await many_users(database, 1)
        new = [
            ReadWorkout(1, Workout(uuid4(), date(2026, 2, 7), "Run", 1, ""), duration_assumed=False)
            for _ in range(3)
        ]
        async with Database(postgres.url("gymlocker"), pool_size=2) as pool:
            imports = ImportRepository(pool)

            async def add(workouts: list[ReadWorkout]) -> int:
                return (await imports.store(user_id, workouts, keep_existing=False)).added

            # Another transaction holds the second id, so each import locks one workout and waits.
            blocker = database.transaction()
            await blocker.start()
            await database.execute(
                "INSERT INTO workouts VALUES ($1, $2, '2026-02-07', '', '', 1, '', now())",
                user_id,
                new[1].workout.id,
            )
            adding = asyncio.gather(add(new), add(new[::-1]))
            await eventually_true(partial(two_are_waiting, database))
            await blocker.rollback()
            assert sum(await adding) == 3
        assert await sums_are_correct(database, str(user_id))

    # Once: the server may still hold the slots of another run for a moment.
    @pytest.mark.parametrize("files", ["grpc"], indirect=True)
    async def test_greedy_networks_do_not_block_others(
        self, stack: Stack, client: Client, diary: Diary, files: Files
    ) -> None:
        data = csv_of("2026-02-07,Run,30,")
        owners = [await diary_of(client, await client.new_user()) for _ in range(4)]
        uploads: list[Upload] = []
        async with AsyncExitStack() as resources:

            async def keep_sending() -> None:
                """Send enough data to keep the slots for the whole test."""
                while True:
                    for upload in uploads:
                        with suppress(ConnectionError):
                            await upload.send(b"x" * 100_000)
                    await asyncio.sleep(1)

            resources.callback(asyncio.create_task(keep_sending()).cancel)

            async def begin(source: str, owner: Diary) -> Upload:
                upload = await resources.enter_async_context(Upload(stack, owner, uuid4(), source))
                await upload.send(FILLER * 2)
                uploads.append(upload)
                return upload

            async def fill(source: str, owner: Diary) -> list[Upload]:
                return [await begin(source, owner) for _ in range(MAX_TRANSFERS_PER_OWNER)]

            async def is_refused(owner: Diary, source: str, held: list[Upload], by: Diary) -> bool:
                # The request below takes a slot, too. It may have been before one of `held`.
                for index, upload in enumerate(held):
                    if await is_answered(upload):
                        held[index] = await begin(source, owner)
                [outcome] = await asyncio.gather(
                    files.load(by.credentials, data), return_exceptions=True
                )
                return getattr(outcome, "code", None) is StatusCode.RESOURCE_EXHAUSTED

            first = await fill("127.0.0.2", owners[0])
            await eventually_true(partial(is_refused, owners[0], "127.0.0.2", first, owners[0]))
            greedy = []
            for owner in (diary, owners[1]):
                held = await fill("127.0.0.1", owner)
                await eventually_true(partial(is_refused, owner, "127.0.0.1", held, owner))
                greedy += held
            await eventually_true(partial(is_refused, diary, "127.0.0.1", [], owners[2]))

            transport = httpx2.AsyncHTTPTransport(local_address="127.0.0.4")
            elsewhere = httpx2.AsyncClient(base_url=stack.url, timeout=30, transport=transport)
            await resources.enter_async_context(elsewhere)

            async def status(owner: Diary) -> int:
                headers = {**dict(owner.credentials), "content-type": "text/csv"}
                return (
                    await elsewhere.post("/workouts/import", content=data, headers=headers)
                ).status_code

            async def has_its_share(owner: Diary, held: list[Upload]) -> bool:
                for index, upload in enumerate(held):
                    if await is_answered(upload):
                        held[index] = await begin("127.0.0.3", owner)
                return await status(owner) == 429

            last = await fill("127.0.0.3", owners[3])
            await eventually_true(partial(has_its_share, owners[3], last))
            # All slots are taken. The address that holds most of them loses one.
            assert await status(owners[2]) == 200
            answers = [asyncio.create_task(upload.reader.readline()) for upload in greedy]
            done, others = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
            assert [task.result() for task in done] == [b"HTTP/1.1 503 Service Unavailable\r\n"]
            for task in others:
                task.cancel()


class TestInterruptedImports:
    async def test_disconnect_adds_nothing(
        self, stack: Stack, diary: Diary, channel: aio.Channel
    ) -> None:
        over_rest, over_grpc = uuid4(), uuid4()
        async with Upload(stack, diary, over_rest) as upload:
            await upload.send(FILLER * 3)
        call = start_import(channel, diary, over_grpc)
        await send_chunk(call, csv_of("2026-02-07,Run,30,"))
        call.cancel()
        await eventually(lambda: ends_of(stack, over_rest) == ["CANCELLED"])
        await eventually(lambda: ends_of(stack, over_grpc) == ["CANCELLED"])
        assert await diary.all() == []

    async def test_rejects_import_of_deleted_user(
        self, client: Client, diary: Diary, channel: aio.Channel, database: asyncpg.Connection
    ) -> None:
        call = start_import(channel, diary, uuid4())
        await send_chunk(call, csv_of("2026-02-07,Run,30,"))
        user = diary.user
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )
        await call.done_writing()
        with pytest.raises(aio.AioRpcError) as error:
            await call
        assert error.value.code() in {StatusCode.NOT_FOUND, StatusCode.UNAUTHENTICATED}
        query = "SELECT count(*) FROM workouts WHERE user_id = $1"
        assert await database.fetchval(query, UUID(user.id)) == 0

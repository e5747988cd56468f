"""Workouts as files, over gRPC and over HTTP. What stands in the files is tested in formats/."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any, Self
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from google.api.httpbody_pb2 import HttpBody
from grpc import StatusCode, aio
from gymlocker.v2 import user_pb2, workout_pb2_grpc

from server.database.engine import Database
from server.demo.transport import GrpcTransport, Transport
from server.local.throwaway import ThrowawayPostgres
from server.workout import workout
from server.workout.import_repository import ImportRepository
from server.workout.importing import MOST_AT_ONCE, MOST_FILE_BYTES, MOST_OF_ONE
from tests.feed.client import Client, many_users, refused
from tests.feed.rest import error_of
from tests.house import House
from tests.local.helpers import eventually, eventually_true
from tests.workout.diary import Diary, Workout, blamed, diary_of, sums_are_right
from tests.workout.files import Files, GrpcFiles, Request, Response, RestFiles, csv_of

MIB = 1024 * 1024
# A megabyte of long lines that are not good, which are soon read.
FILLING = (b"x" * 99_999 + b"\n") * 10
HARD = [
    'a "quoted", one',
    "line\r\nline\rline\nline",
    "  spaces  ",
    "=1+1",
    "\ufeffمرحبا 筋トレ e\u0301 🏋",
    "",
]


@pytest.fixture
async def transport(house: House) -> AsyncIterator[Transport]:
    """One way to call, for all that is no file."""
    transport = GrpcTransport(house.url)
    yield transport
    await transport.close()


@pytest.fixture
async def channel(house: House) -> AsyncIterator[aio.Channel]:
    """Bare gRPC, for streams."""
    async with aio.insecure_channel(house.address) as channel:
        yield channel


@pytest.fixture(params=["grpc", "rest"])
def files(
    request: pytest.FixtureRequest, channel: aio.Channel, rest: httpx2.AsyncClient
) -> GrpcFiles | RestFiles:
    """Each way for a file to go."""
    return GrpcFiles(channel) if request.param == "grpc" else RestFiles(rest)


async def written(diary: Diary) -> list[Workout]:
    """Adds workouts whose texts are hard to write; returns them oldest first."""
    for number, text in enumerate(HARD):
        await diary.create(date=f"2026-02-0{7 - number % 3}", type=text or "Run", notes=text)
    await diary.create(date="0001-01-01", duration=1)
    await diary.create(date="9999-12-31", duration=10_080, notes="🏋" * 10_000)
    return (await diary.all())[::-1]


def year_of(count: int) -> bytes:
    """A file of `count` workouts, each different."""
    rows = (
        f"20{n // 300 % 100:02}-01-{n % 28 + 1:02},Run {n},{n % 100 + 1}," for n in range(count)
    )
    return csv_of(*rows)


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


# --- Export ---


async def test_an_exported_csv_makes_an_equal_diary_of_another_one(
    diary: Diary, other: Diary, files: Files
) -> None:
    workouts = await written(diary)
    file = await files.export(diary.credentials, "csv")
    reply = await files.load(other.credentials, file.data)
    assert reply == Response(format="gymlocker", added=len(workouts))
    imported = await other.all()
    assert sorted(imported, key=str) == sorted(workouts, key=str)
    assert (await files.export(diary.credentials)).data == file.data


async def test_a_csv_is_rfc_4180_oldest_first(diary: Diary, files: Files) -> None:
    workouts = await written(diary)
    file = await files.export(diary.credentials, "csv")
    text = file.data.decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert text.startswith("id,date,type,duration,notes\r\n")
    assert header == ["id", "date", "type", "duration", "notes"]
    assert rows == [[one.id, one.date, one.type, str(one.duration), one.notes] for one in workouts]


async def test_an_exported_json_is_the_list_oldest_first(diary: Diary, files: Files) -> None:
    workouts = await written(diary)
    file = await files.export(diary.credentials, "json")
    assert [Workout(**one) for one in json.loads(file.data)] == workouts
    assert {tuple(one) for one in json.loads(file.data)} == {
        ("id", "date", "type", "duration", "notes")
    }


async def test_an_empty_diary_is_a_header_or_an_empty_list(diary: Diary, files: Files) -> None:
    csv_file = await files.export(diary.credentials, "csv")
    assert csv_file.data == b"id,date,type,duration,notes\r\n"
    assert json.loads((await files.export(diary.credentials, "json")).data) == []
    assert await files.load(diary.credentials, csv_file.data) == Response(format="gymlocker")


@pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_000, 2_500])
async def test_a_file_is_whole_however_many_workouts_it_has(
    diary: Diary, files: Files, database: asyncpg.Connection, count: int
) -> None:
    # Many of them of one moment.
    await database.execute(
        """
        INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
        SELECT $1, gen_random_uuid(), '2026-02-07'::date + n / 1500, 'Run', 'run', 1, n::text, now()
        FROM generate_series(1, $2) AS n
        """,
        UUID(diary.user.id),
        count,
    )
    csv_file = (await files.export(diary.credentials)).data.decode()
    json_file = json.loads((await files.export(diary.credentials, "json")).data)
    expected = [str(number) for number in range(1, count + 1)]
    read = [row["notes"] for row in csv.DictReader(io.StringIO(csv_file, newline=""))]
    assert sorted(read, key=int) == expected
    assert [one["notes"] for one in json_file] == read


@pytest.mark.parametrize(
    ("format_", "content_type", "name"),
    [
        ("", "text/csv; charset=utf-8", "workouts.csv"),
        ("csv", "text/csv; charset=utf-8", "workouts.csv"),
        ("json", "application/json", "workouts.json"),
    ],
)
@pytest.mark.parametrize("empty", [True, False])
async def test_a_browser_is_told_what_the_file_is(
    diary: Diary, files: Files, format_: str, content_type: str, name: str, empty: bool
) -> None:
    if not empty:
        await diary.create()
    file = await files.export(diary.credentials, format_)
    assert file.content_type == content_type
    assert file.disposition == f'attachment; filename="{name}"'


@pytest.mark.parametrize("format_", ["xml", "CSV", "hevy", "jsonl", "\0"])
async def test_a_format_that_nobody_writes_is_refused(
    diary: Diary, files: Files, format_: str
) -> None:
    with blamed("format"):
        await files.export(diary.credentials, format_)


async def test_nobody_elses_workouts_are_in_a_file(
    diary: Diary, other: Diary, files: Files
) -> None:
    await other.create()
    assert json.loads((await files.export(diary.credentials, "json")).data) == []


async def test_nobody_in_particular_has_a_file(files: Files, diary: Diary) -> None:
    for credentials in ([], [("authorization", "Bearer x.y.z")]):
        with refused(StatusCode.UNAUTHENTICATED):
            await files.export(credentials)
        with refused(StatusCode.UNAUTHENTICATED):
            await files.load(credentials, csv_of("2026-02-07,Run,30,"))


@pytest.mark.parametrize("prefix", ["", "/v2"])
async def test_files_go_over_both_paths(
    diary: Diary, rest: httpx2.AsyncClient, prefix: str
) -> None:
    rest.headers.update(dict(diary.credentials))
    reply = await rest.post(f"{prefix}/workouts/import", content=csv_of("2026-02-07,Run,30,"))
    assert reply.json() == {
        "format": "gymlocker",
        "added": 1,
        "existing": 0,
        "assumedDurations": 0,
        "problems": [],
        "problemCount": 0,
    }
    assert (await rest.get(f"{prefix}/workouts/export")).text.count("\r\n") == 2


# --- Import ---


@pytest.mark.parametrize("size", [1, 7, 10**9])
async def test_a_file_may_come_in_pieces_of_any_size(diary: Diary, files: Files, size: int) -> None:
    data = csv_of("2026-02-07,Straße 🏋,30,é", '2026-02-08,Yoga,60,"one\r\ntwo"')
    reply = await files.load(diary.credentials, *in_pieces(data, size))
    assert reply == Response(format="gymlocker", added=2)
    yoga, run = await diary.all()
    assert run == Workout(id=run.id, date="2026-02-07", type="Straße 🏋", duration=30, notes="é")
    assert (yoga.type, yoga.notes) == ("Yoga", "one\r\ntwo")


async def test_what_was_imported_is_known_again(diary: Diary, files: Files) -> None:
    first = csv_of("2026-02-07,Run,30,", "2026-02-07,Run,30,", "2026-02-08,Yoga,60,")
    assert (await files.load(diary.credentials, first)).added == 3
    workouts = await diary.all()
    again = await files.load(diary.credentials, first)
    assert (again.added, again.existing) == (0, 3)
    more = csv_of("2026-02-08,Yoga,60,", "2026-02-09,Swim,45,")
    reply = await files.load(diary.credentials, more)
    assert (reply.added, reply.existing) == (1, 1)
    assert len(workouts) == 3
    assert [one for one in await diary.all() if one.type != "Swim"] == workouts


async def test_an_import_leaves_alone_what_was_changed_since(diary: Diary, files: Files) -> None:
    await diary.create()
    file = await files.export(diary.credentials)
    (workout,) = await diary.all()
    changed = await diary.patch(workout.id, duration=99)
    assert (await files.load(diary.credentials, file.data)).existing == 1
    assert await diary.all() == [changed]
    await diary.delete(workout.id)
    assert (await files.load(diary.credentials, file.data)).added == 1
    assert await diary.all() == [workout]


@pytest.mark.parametrize("all_or_nothing", [False, True])
async def test_a_dry_run_adds_nothing_and_says_what_would_be(
    diary: Diary, files: Files, all_or_nothing: bool
) -> None:
    await files.load(diary.credentials, csv_of("2026-02-07,Run,30,"))
    before = await diary.all()
    for rows in (
        ["2026-02-07,Run,30,", "2026-02-08,Run,30,", "2026-02-08,Run,30,"],
        ["2026-02-07,Run,30,", "2026-02-09,Run,30,", "2023-02-29,Run,30,"],
    ):
        data, options = csv_of(*rows), {"all_or_nothing": all_or_nothing}
        predicted = await files.load(diary.credentials, data, dry_run=True, **options)
        assert await diary.all() == before
        assert await files.load(diary.credentials, data, **options) == predicted
        before = await diary.all()


async def test_a_bad_line_is_reported_and_the_good_ones_are_kept(
    diary: Diary, files: Files
) -> None:
    rows = ["2026-02-07,Run,30,", "2023-02-29,Run,30,", "2026-02-08,Run,0,", "2026-02-09,Run,30,"]
    reply = await files.load(diary.credentials, csv_of(*rows))
    assert (reply.added, reply.existing, reply.problem_count) == (2, 0, 2)
    assert [problem.line for problem in reply.problems] == [3, 4]
    assert all(problem.message for problem in reply.problems)
    assert [one.date for one in await diary.all()] == ["2026-02-09", "2026-02-07"]


async def test_with_a_bad_line_all_or_nothing_is_nothing(diary: Diary, files: Files) -> None:
    good = ["2026-02-07,Run,30,", "2026-02-08,Run,30,"]
    bad = csv_of(*good, "2026-02-08,Run,x,")
    reply = await files.load(diary.credentials, bad, all_or_nothing=True)
    assert (reply.added, reply.existing) == (0, 0)
    assert [problem.line for problem in reply.problems] == [4]
    assert await diary.all() == []
    assert (await files.load(diary.credentials, csv_of(*good), all_or_nothing=True)).added == 2


async def test_of_many_problems_1000_are_listed_and_all_are_counted(
    diary: Diary, files: Files
) -> None:
    rows = ["2026-02-07,Run,0,"] * 1_500
    reply = await files.load(diary.credentials, csv_of(*rows, "2026-02-07,Run,30,"))
    assert [problem.line for problem in reply.problems] == list(range(2, 1_002))
    assert (reply.problem_count, reply.added) == (1_500, 1)


STRONG = b"""Date,Workout Name,Exercise Name,Set Order,Weight,Reps
2026-02-07 08:00:00,Legs,Squat,1,60,5
"""


@pytest.mark.parametrize(("default", "minutes"), [(0, 60), (1, 1), (10_080, 10_080)])
async def test_a_length_that_the_file_does_not_tell_is_assumed(
    diary: Diary, files: Files, default: int, minutes: int
) -> None:
    reply = await files.load(diary.credentials, STRONG, default_duration=default)
    assert reply == Response(format="strong", added=1, assumed_durations=1)
    (read,) = await diary.all()
    assert (read.type, read.duration) == ("Legs", minutes)


@pytest.mark.parametrize("wrong", [-1, 10_081])
async def test_a_length_beyond_the_limits_is_not_assumed(
    diary: Diary, files: Files, wrong: int
) -> None:
    with blamed("default_duration"):
        await files.load(diary.credentials, STRONG, default_duration=wrong)
    assert await diary.all() == []


async def test_a_file_is_taken_for_what_it_is_said_to_be(diary: Diary, files: Files) -> None:
    assert (await files.load(diary.credentials, STRONG, format="strong")).added == 1
    for format_ in ("hevy", "fitnotes", "gymlocker"):
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await files.load(diary.credentials, STRONG, format=format_)
    for format_ in ("csv", "STRONG", "xml"):
        with blamed("format"):
            await files.load(diary.credentials, STRONG, format=format_)


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"{}", b"a,b,c\n1,2,3\n", b"\xff\xfe\xff", b"\x89PNG\r\n\x1a\n\0\0", b"\0" * 99],
    ids=ascii,
)
async def test_a_file_of_no_known_kind_is_refused(diary: Diary, files: Files, data: bytes) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "file"):
        await files.load(diary.credentials, data)


async def test_a_header_alone_is_a_file_without_workouts(diary: Diary, files: Files) -> None:
    assert await files.load(diary.credentials, csv_of()) == Response(format="gymlocker")


async def test_files_of_two_people_do_not_meet(diary: Diary, other: Diary, files: Files) -> None:
    data = csv_of("2026-02-07,Run,30,")
    for owner in (diary, other):
        assert (await files.load(owner.credentials, data)).added == 1
    (mine,) = await diary.all()
    await diary.delete(mine.id)
    assert [one.id for one in await other.all()] == [mine.id]


async def test_options_count_in_the_first_message_alone(diary: Diary, channel: aio.Channel) -> None:
    files = GrpcFiles(channel)
    data = csv_of("2026-02-07,Run,30,", "2026-02-08,Run,0,")
    file = Request(file=HttpBody(data=data))
    for options in (Request(dry_run=True), Request(all_or_nothing=True), Request(format="hevy")):
        first, later = [options, file], [file, options]
        if options.format:
            with refused(StatusCode.INVALID_ARGUMENT, "file"):
                await files.send(diary.credentials, first)
        else:
            await files.send(diary.credentials, first)
        assert await diary.all() == []
        assert (await files.send(diary.credentials, later)).added == 1
        await diary.delete((await diary.all())[0].id)


async def test_no_message_at_all_is_no_file(diary: Diary, channel: aio.Channel) -> None:
    for messages in ([], [Request()], [Request(dry_run=True), Request()]):
        with refused(StatusCode.INVALID_ARGUMENT, "file"):
            await GrpcFiles(channel).send(diary.credentials, messages)


# --- Large files ---


def large(size: int) -> Iterator[bytes]:
    """A file of `size` bytes with one good line, and long ones that are not."""
    first = csv_of("2026-02-07,Run,30,")
    yield first
    yield from in_pieces((FILLING * 34)[: size - len(first)], MIB)


async def test_a_file_as_large_as_can_be_is_read(diary: Diary, files: Files) -> None:
    reply = await files.load(diary.credentials, *large(MOST_FILE_BYTES), dry_run=True)
    assert (reply.added, reply.problem_count > 150) == (1, True)


async def test_a_larger_file_is_refused_and_nothing_added(diary: Diary, files: Files) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "file"):
        await files.load(diary.credentials, *large(MOST_FILE_BYTES + 1))
    assert await diary.all() == []


async def test_who_is_still_uploading_is_told_that_it_is_too_much(
    house: House, diary: Diary
) -> None:
    async with Upload(house, diary, uuid4()) as upload:

        async def speak() -> None:
            with suppress(ConnectionError):
                while True:
                    await upload.say(FILLING)

        speaking = asyncio.create_task(speak())
        head = await upload.reader.readuntil(b"\r\n\r\n")
        speaking.cancel()
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        body = json.loads(await upload.reader.readexactly(length))
        with suppress(asyncio.CancelledError):
            await speaking
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body["details"][1]["fieldViolations"][0]["field"] == "file"


async def test_a_large_import_is_whole(
    diary: Diary, files: Files, database: asyncpg.Connection
) -> None:
    data = year_of(6_000)
    reply = await files.load(diary.credentials, *in_pieces(data, MIB))
    assert (reply.added, reply.problem_count) == (6_000, 0)
    assert (await diary.stats()).count == 6_000
    assert (await files.load(diary.credentials, data)).existing == 6_000
    assert await sums_are_right(database, diary.user.id)


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
    house: House, postgres: ThrowawayPostgres, database: asyncpg.Connection
) -> None:
    (user_id,) = await many_users(database, 1)
    new = [workout.Workout(uuid4(), date(2026, 2, 7), "Run", 1, "") for _ in range(3)]
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


# --- Half a file ---


class Upload:
    """An import over HTTP that can stop in the middle: its body comes in chunks."""

    def __init__(self, house: House, diary: Diary, request_id: UUID) -> None:
        self._host, _, self._port = house.address.partition(":")
        headers = {
            "host": "x",
            "transfer-encoding": "chunked",
            "x-request-id": str(request_id),
            **dict(diary.credentials),
        }
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        self._head = "".join(["POST /workouts/import HTTP/1.1\r\n", *lines, "\r\n"])

    async def __aenter__(self) -> Self:
        self.reader, self._writer = await asyncio.open_connection(self._host, int(self._port))
        self._writer.write(self._head.encode())
        await self.say(csv_of("2026-02-07,Run,30,"))
        return self

    async def say(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def __aexit__(self, *_: object) -> None:
        # As who hangs up: what was not sent yet is not to be waited for.
        self._writer.transport.abort()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


def ends_of(house: House, request_id: UUID) -> list[str]:
    """How the worker's calls of that id ended."""
    lines = [line for line in house.logs().splitlines() if str(request_id) in line]
    return [entry["code"] for entry in map(json.loads, lines) if entry.get("event") == "call"]


async def test_who_hangs_up_in_the_middle_adds_nothing(
    house: House, diary: Diary, channel: aio.Channel
) -> None:
    over_rest, over_grpc = uuid4(), uuid4()
    async with Upload(house, diary, over_rest) as upload:
        await upload.say(FILLING * 3)
    call = begun(channel, diary, over_grpc)
    await say(call, csv_of("2026-02-07,Run,30,"))
    call.cancel()
    await eventually(lambda: ends_of(house, over_rest) == ["CANCELLED"])
    await eventually(lambda: ends_of(house, over_grpc) == ["CANCELLED"])
    assert await diary.all() == []


def begun(channel: aio.Channel, diary: Diary, request_id: UUID) -> Any:
    """An import over gRPC of which nothing was said yet."""
    metadata = [*diary.credentials, ("x-request-id", str(request_id))]
    return workout_pb2_grpc.WorkoutServiceStub(channel).ImportWorkouts(metadata=metadata)


async def say(call: Any, data: bytes) -> None:
    """Sends a piece, and so much after it that the worker has the call when this is over."""
    for piece in (data, FILLING, FILLING, FILLING):
        await call.write(Request(file=HttpBody(data=piece)))


async def test_no_more_files_are_taken_in_at_once_than_there_is_memory_for(
    client: Client, diary: Diary, other: Diary, files: Files, channel: aio.Channel
) -> None:
    data = csv_of("2026-02-07,Run,30,")
    busy = [diary] + [
        await diary_of(client, await client.new_user())
        for _ in range(MOST_AT_ONCE // MOST_OF_ONE - 1)
    ]
    calls = [begun(channel, owner, uuid4()) for owner in busy for _ in range(MOST_OF_ONE)]
    for call in calls:
        await say(call, data)
    # Nobody can keep all others from importing.
    with refused(StatusCode.RESOURCE_EXHAUSTED):
        await files.load(diary.credentials)
    with refused(StatusCode.UNAVAILABLE):
        await files.load(other.credentials)
    for call in calls:
        await call.done_writing()
    assert sum([(await call).added for call in calls]) == len(busy)
    assert (await files.load(diary.credentials, data)).existing == 1


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


async def test_whatever_bytes_are_sent_are_answered_in_form(
    diary: Diary, rest: httpx2.AsyncClient
) -> None:
    rest.headers.update(dict(diary.credentials))
    for query in ({"dry_run": "perhaps"}, {"default_duration": "1h"}, {"format": "%00"}):
        error_of(await rest.post("/workouts/import", params=query, content=STRONG), 400)
    for content_type in ("application/json", "text/plain", "application/octet-stream", ""):
        headers = {"content-type": content_type}
        response = await rest.post("/workouts/import", content=b'{"a": 1}', headers=headers)
        assert error_of(response, 400)["details"][1]["fieldViolations"][0]["field"] == "file"

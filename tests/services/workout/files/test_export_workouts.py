"""ExportWorkouts. The contents of the files are tested in ../formats."""

import csv
import io
import json
from uuid import UUID

import asyncpg
import httpx2
import pytest
from grpc import StatusCode

from server.services.workout.formats.cells.guard import unguarded
from tests.services.workout.diary import Diary, Workout, violates
from tests.services.workout.files.contents import csv_of
from tests.services.workout.files.transports import Files, Response
from tests.support.client import refused

HARD = [
    'a "quoted", one',
    "line\r\nline\rline\nline",
    "  spaces  ",
    "=1+1",
    "'@x",
    "'tis",
    "\ufeffمرحبا 筋トレ e\u0301 🏋",
    "",
]


async def written(diary: Diary) -> list[Workout]:
    """Add workouts with texts that are hard to write; return them oldest first."""
    for number, text in enumerate(HARD):
        await diary.create(date=f"2026-02-0{7 - number % 3}", type=text or "Run", notes=text)
    await diary.create(date="0001-01-01", duration=1)
    await diary.create(date="9999-12-31", duration=10_080, notes="🏋" * 10_000)
    return (await diary.all())[::-1]


class TestExportWorkouts:
    @pytest.mark.parametrize("format_", ["csv", "json"])
    async def test_import_elsewhere_restores_every_byte(
        self, diary: Diary, other: Diary, files: Files, format_: str
    ) -> None:
        workouts = await written(diary)
        file = await files.export(diary.credentials, format_)
        response = await files.load(other.credentials, file.data)
        assert response == Response(format="gymlocker", added=len(workouts))
        assert (await files.export(other.credentials, format_)).data == file.data
        assert (await files.export(diary.credentials, format_)).data == file.data

    async def test_csv_is_rfc_4180_oldest_first(self, diary: Diary, files: Files) -> None:
        workouts = await written(diary)
        file = await files.export(diary.credentials, "csv")
        text = file.data.decode()
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert text.startswith("id,date,type,duration,notes,start_time,source,create_time,")
        assert len(header) == 23
        assert [[unguarded(cell) for cell in row[:5]] for row in rows] == [
            [one.id, one.date, one.type, str(one.duration), one.notes] for one in workouts
        ]
        cells = [cell for row in rows for cell in row]
        assert "'=1+1" in cells and "''@x" in cells and "'tis" in cells
        assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n"))]

    async def test_json_is_list_oldest_first(self, diary: Diary, files: Files) -> None:
        workouts = await written(diary)
        file = await files.export(diary.credentials, "json")
        exported = json.loads(file.data)
        fields = ("id", "date", "type", "duration", "notes")
        assert [tuple(one[field] for field in fields) for one in exported] == [
            tuple(getattr(one, field) for field in fields) for one in workouts
        ]
        assert {tuple(one) for one in exported} == {(*fields, "exercises", "source", "createTime")}

    async def test_empty_diary_is_header_or_empty_list(self, diary: Diary, files: Files) -> None:
        csv_file = await files.export(diary.credentials, "csv")
        assert csv_file.data.startswith(b"id,date,type,duration,notes,")
        assert csv_file.data.count(b"\n") == 1
        assert json.loads((await files.export(diary.credentials, "json")).data) == []
        assert await files.load(diary.credentials, csv_file.data) == Response(format="gymlocker")

    @pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_000, 2_500])
    async def test_contains_each_workout_across_batches(
        self, diary: Diary, files: Files, database: asyncpg.Connection, count: int
    ) -> None:
        # Many of them have equal creation times.
        await database.execute(
            """
            INSERT INTO workouts (user_id, id, date, type, type_key, duration, notes, created)
            SELECT $1, gen_random_uuid(), '2026-02-07'::date + n / 1500, 'Run', 'run', 1, n::text,
                now()
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
            ("fitnotes", "text/csv; charset=utf-8", "workouts.csv"),
            ("strong", "text/csv; charset=utf-8", "workouts.csv"),
        ],
    )
    @pytest.mark.parametrize("empty", [True, False])
    async def test_sets_content_type_and_disposition(
        self, diary: Diary, files: Files, format_: str, content_type: str, name: str, empty: bool
    ) -> None:
        if not empty:
            await diary.create()
        file = await files.export(diary.credentials, format_)
        assert file.content_type == content_type
        assert file.disposition == f'attachment; filename="{name}"'

    @pytest.mark.parametrize("format_", ["xml", "CSV", "hevy", "jsonl", "\0"])
    async def test_rejects_unknown_format(self, diary: Diary, files: Files, format_: str) -> None:
        with violates("format"):
            await files.export(diary.credentials, format_)

    async def test_omits_workouts_of_others(self, diary: Diary, other: Diary, files: Files) -> None:
        await other.create()
        assert json.loads((await files.export(diary.credentials, "json")).data) == []


class TestFiles:
    async def test_reject_call_without_valid_token(self, files: Files, diary: Diary) -> None:
        for credentials in ([], [("authorization", "Bearer x.y.z")]):
            with refused(StatusCode.UNAUTHENTICATED):
                await files.export(credentials)
            with refused(StatusCode.UNAUTHENTICATED):
                await files.load(credentials, csv_of("2026-02-07,Run,30,"))

    @pytest.mark.parametrize("prefix", ["", "/v2"])
    async def test_are_served_on_both_paths(
        self, diary: Diary, rest: httpx2.AsyncClient, prefix: str
    ) -> None:
        rest.headers.update(dict(diary.credentials))
        response = await rest.post(
            f"{prefix}/workouts/import", content=csv_of("2026-02-07,Run,30,")
        )
        assert response.json() == {
            "format": "gymlocker",
            "added": 1,
            "existing": 0,
            "assumedDurations": 0,
            "problems": [],
            "problemCount": 0,
            "updated": 0,
            "editedHere": 0,
            "columnsNotRead": [],
            "warnings": [],
        }
        assert (await rest.get(f"{prefix}/workouts/export")).text.count("\r\n") == 2

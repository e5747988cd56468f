"""ImportWorkouts with files of LiftLog."""

from pathlib import Path

import pytest

from tests.services.workout.diary import Diary, over_grpc, violates
from tests.services.workout.files.transports import Files

CASES = Path(__file__).parent.parent / "formats" / "cases"


def backup(name: str) -> bytes:
    return (CASES / f"{name}.liftlogbackup.gz").read_bytes()


class TestImportWorkouts:
    async def test_backups_update_what_they_brought_before(
        self, diary: Diary, files: Files
    ) -> None:
        data = backup("app-september-2026")
        dry = await files.load(diary.credentials, data, dry_run=True)
        first = await files.load(diary.credentials, data)
        assert (dry.format, dry.added, len(dry.warnings)) == ("liftlog", 4, 3)
        assert (first.added, first.existing, first.problem_count) == (4, 0, 0)
        again = await files.load(diary.credentials, data)
        assert (again.added, again.existing, again.updated) == (0, 4, 0)
        corrected = backup("app-september-2026-one-set-corrected")
        later = await files.load(diary.credentials, corrected)
        assert (later.added, later.existing, later.updated) == (0, 3, 1)

    @over_grpc
    @pytest.mark.parametrize("format_", ["csv", "json"])
    async def test_export_of_a_backup_changes_nothing(
        self, diary: Diary, other: Diary, files: Files, format_: str
    ) -> None:
        await files.load(diary.credentials, backup("app-september-2026"))
        exported = await files.export(diary.credentials, format_)
        response = await files.load(diary.credentials, exported.data)
        assert (response.added, response.existing, response.updated) == (0, 4, 0)
        await files.load(other.credentials, exported.data)
        assert (await files.export(other.credentials, format_)).data == exported.data

    @over_grpc
    async def test_rejects_backups_of_2024(self, diary: Diary, files: Files) -> None:
        with violates("file"):
            await files.load(diary.credentials, backup("app-2024-protobuf"))

"""The inflated database on the disk: no killed worker leaves it there."""

import os
import time
from pathlib import Path

import pytest

from server.services.workout.formats.liftlog.sandbox import sessions
from tests.services.workout.formats.liftlog.backups import TABLE, compressed, database


class TestTemporaryFile:
    def test_is_gone_while_it_is_read(self, tmp_path: Path, temporary_folder: Path) -> None:
        path = database(tmp_path, TABLE, rows=[(str(n), 0, "x" * 1_000) for n in range(5_000)])
        found = sessions(compressed(path))
        assert next(found)["id"] == "0"
        assert list(temporary_folder.iterdir()) == []
        assert len(list(found)) == 4_999

    @pytest.mark.parametrize(
        ("age", "is_own", "is_removed"),
        [(3_700, True, True), (3_500, True, False), (3_700, False, False)],
        ids=["abandoned", "in use", "of another user"],
    )
    def test_of_killed_worker_is_removed_later(
        self,
        tmp_path: Path,
        temporary_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        age: int,
        is_own: bool,
        is_removed: bool,
    ) -> None:
        left = temporary_folder / "gymlocker-liftlog-left"
        left.touch()
        os.utime(left, (time.time() - age,) * 2)
        if not is_own:
            monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
        list(sessions(compressed(database(tmp_path, TABLE))))
        assert left.exists() is not is_removed
        left.unlink(missing_ok=True)

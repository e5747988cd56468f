"""`gymlocker workouts export`."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from server.programs.client.exporting import format_of
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import TIMEOUT_SECONDS, end, started
from tests.programs.client.terminal import in_terminal

pytestmark = pytest.mark.extended

# The first columns; those of exercises and sets follow.
HEADER = "id,date,type,duration,notes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


@pytest.fixture
def workout(gymlocker: Gymlocker, logged_in: object) -> None:
    """Add the only workout of the diary."""
    gymlocker("workouts", "add", "2026-02-07", "Run", "45", "--notes=ü, 💪")


class TestFormatOf:
    def test_is_told_by_extension_unless_chosen(self) -> None:
        assert format_of(None, None) == format_of("-", None) == format_of("a.txt", None) == "csv"
        assert format_of("a.JSON", None) == format_of("a.csv", "json") == "json"


class TestExport:
    @pytest.mark.usefixtures("workout")
    def test_writes_to_standard_output(self, gymlocker: Gymlocker) -> None:
        for arguments in ((), ("-",)):
            ended = gymlocker("workouts", "export", *arguments)
            assert (ended.code, ended.errors) == (0, "")
            header, line = ended.output.splitlines()
            assert header.startswith(f"{HEADER},")
            assert ',2026-02-07,Run,45,"ü, 💪",' in line

    @pytest.mark.usefixtures("workout")
    def test_writes_file_readable_by_owner_only(self, gymlocker: Gymlocker, folder: Path) -> None:
        path = folder / "diary.json"
        ended = gymlocker("workouts", "export", str(path))
        assert ended.output == f"Wrote {path.stat().st_size:,} bytes to {path}.\n"
        assert [each["type"] for each in json.loads(path.read_text())] == ["Run"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(folder.iterdir()) == [path]

    @pytest.mark.usefixtures("workout")
    def test_overwrites_only_with_force(self, gymlocker: Gymlocker, folder: Path) -> None:
        path = folder / "diary.csv"
        path.write_text("precious")
        ended = gymlocker("workouts", "export", str(path))
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == (
            f"{path} already exists: choose another name, or overwrite it with --force.\n"
        )
        assert path.read_text() == "precious"
        assert gymlocker("workouts", "export", str(path), "--force").code == 0
        assert path.read_text().startswith(f"{HEADER},")
        assert list(folder.iterdir()) == [path]

    def test_sends_no_request_if_file_exists(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, folder: Path
    ) -> None:
        (folder / "diary.csv").touch()
        assert (
            "already exists: choose"
            in gymlocker("workouts", "export", str(folder / "diary.csv")).errors
        )
        assert not fake.reached.is_set()

    @pytest.mark.usefixtures("logged_in")
    def test_rejects_paths_that_cannot_be_files(self, gymlocker: Gymlocker, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        expected = {
            str(folder): "is a folder: pass the name of a file.",
            str(
                folder / "missing" / "diary.csv"
            ): f"The folder {folder / 'missing'} does not exist: create it first.",
            str(folder / "pipe"): "is not a regular file:",
            "/proc/diary.csv": "/proc/diary.csv cannot be written (",
        }
        for name, text in expected.items():
            ended = gymlocker("workouts", "export", name, "--force")
            assert (ended.code, ended.output) == (1, "")
            assert text in ended.errors

    @pytest.mark.usefixtures("workout")
    def test_shows_progress_in_terminal(self, folder: Path) -> None:
        path = folder / "diary.csv"
        shown = in_terminal("workouts", "export", str(path))
        assert "Receiving 1 workout" in shown
        assert shown.endswith(f"Wrote {path.stat().st_size:,} bytes to {path}.\n")
        # The file itself is what a terminal wants to see.
        assert "Receiving" not in in_terminal("workouts", "export")

    @pytest.mark.parametrize("format_", ["csv", "json", "fitnotes", "strong"])
    def test_requests_chosen_format(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, format_: str
    ) -> None:
        fake.proceed.set()
        gymlocker("workouts", "export", "--format", format_)
        assert fake.formats == [format_]


class TestInterruption:
    @pytest.mark.parametrize("before", [None, "precious"])
    def test_leaves_no_partial_file(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, folder: Path, before: str | None
    ) -> None:
        fake.proceed.set()
        path = folder / "diary.csv"
        if before is not None:
            path.write_text(before)
        ended = gymlocker("workouts", "export", str(path), "--force")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == (
            f"The transfer was interrupted (gone), and {path} was not written: "
            "run the command again.\n"
        )
        assert {each.name: each.read_text() for each in folder.iterdir()} == (
            {} if before is None else {"diary.csv": before}
        )

    def test_is_reported_on_standard_output(
        self, gymlocker: Gymlocker, fake: FakeGymlocker
    ) -> None:
        fake.proceed.set()
        ended = gymlocker("workouts", "export")
        assert (ended.code, ended.output) == (1, f"{HEADER}\r\n")
        assert "and the output is incomplete: run the command again." in ended.errors

    def test_ctrl_c_leaves_no_partial_file(self, fake: FakeGymlocker, folder: Path) -> None:
        with started("workouts", "export", str(folder / "diary.csv")) as process:
            assert fake.reached.wait(TIMEOUT_SECONDS)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECONDS) == 130
            ended = end(process)
            assert (ended.output, ended.errors) == ("", "")
            assert list(folder.iterdir()) == []

    def test_dying_server_leaves_no_partial_file(self, fake: FakeGymlocker, folder: Path) -> None:
        with started("workouts", "export", str(folder / "diary.csv")) as process:
            assert fake.reached.wait(TIMEOUT_SECONDS)
            fake.stop()
            ended = end(process)
            assert ended.code == 1
            assert ended.errors.startswith("The transfer was interrupted (")
            assert ended.errors.count("\n") == 1
            assert list(folder.iterdir()) == []

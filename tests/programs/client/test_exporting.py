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
from tests.programs.client.process import SECONDS, end, started

HEADER = "id,date,type,duration,notes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty one."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


@pytest.fixture
def workout(gymlocker: Gymlocker, logged_in: object) -> None:
    """The only one in the diary."""
    gymlocker("workouts", "add", "2026-02-07", "Run", "45", "--notes=ü, 💪")


def test_the_format_is_told_by_the_name() -> None:
    assert format_of(None, None) == format_of("-", None) == format_of("a.txt", None) == "csv"
    assert format_of("a.JSON", None) == format_of("a.csv", "json") == "json"


@pytest.mark.usefixtures("workout")
def test_standard_output_is_the_file(gymlocker: Gymlocker) -> None:
    for arguments in ((), ("-",)):
        ended = gymlocker("workouts", "export", *arguments)
        assert (ended.code, ended.errors) == (0, "")
        header, line = ended.output.splitlines()
        assert header == HEADER
        assert line.endswith(',2026-02-07,Run,45,"ü, 💪"')


@pytest.mark.usefixtures("workout")
def test_a_file_is_its_owners(gymlocker: Gymlocker, folder: Path) -> None:
    path = folder / "diary.json"
    ended = gymlocker("workouts", "export", str(path))
    assert ended.output == f"{path} is written: {path.stat().st_size:,} bytes.\n"
    assert [each["type"] for each in json.loads(path.read_text())] == ["Run"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [path]


@pytest.mark.usefixtures("workout")
def test_a_file_is_overwritten_only_when_told_so(gymlocker: Gymlocker, folder: Path) -> None:
    path = folder / "diary.csv"
    path.write_text("precious")
    ended = gymlocker("workouts", "export", str(path))
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == (f"{path} exists: choose another name, or overwrite it with --force.\n")
    assert path.read_text() == "precious"
    assert gymlocker("workouts", "export", str(path), "--force").code == 0
    assert path.read_text().startswith(HEADER)
    assert list(folder.iterdir()) == [path]


def test_nothing_is_asked_for_that_there_is_no_place_for(
    gymlocker: Gymlocker, fake: FakeGymlocker, folder: Path
) -> None:
    (folder / "diary.csv").touch()
    assert "exists: choose" in gymlocker("workouts", "export", str(folder / "diary.csv")).errors
    assert not fake.reached.is_set()


@pytest.mark.usefixtures("logged_in")
def test_places_where_no_file_can_be(gymlocker: Gymlocker, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    expected = {
        str(folder): "is a folder: give the name of a file.",
        str(folder / "missing" / "diary.csv"): f"There is no folder {folder / 'missing'}.",
        str(folder / "pipe"): "is no file;",
        "/proc/diary.csv": "/proc/diary.csv cannot be written (",
    }
    for name, text in expected.items():
        ended = gymlocker("workouts", "export", name, "--force")
        assert (ended.code, ended.output) == (1, "")
        assert text in ended.errors


@pytest.mark.parametrize("before", [None, "precious"])
def test_a_transfer_that_breaks_off_leaves_no_half_file(
    gymlocker: Gymlocker, fake: FakeGymlocker, folder: Path, before: str | None
) -> None:
    fake.go_on.set()
    path = folder / "diary.csv"
    if before is not None:
        path.write_text(before)
    ended = gymlocker("workouts", "export", str(path), "--force")
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == (
        f"The transfer broke off (gone), and {path} was not written: run the command again.\n"
    )
    assert {each.name: each.read_text() for each in folder.iterdir()} == (
        {} if before is None else {"diary.csv": before}
    )


def test_a_transfer_to_the_standard_output_that_breaks_off(
    gymlocker: Gymlocker, fake: FakeGymlocker
) -> None:
    fake.go_on.set()
    ended = gymlocker("workouts", "export")
    assert (ended.code, ended.output) == (1, f"{HEADER}\r\n")
    assert "and what came is not all of it: run the command again." in ended.errors


def test_ctrl_c_leaves_no_half_file(fake: FakeGymlocker, folder: Path) -> None:
    with started("workouts", "export", str(folder / "diary.csv")) as process:
        assert fake.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130
        ended = end(process)
        assert (ended.output, ended.errors) == ("", "")
        assert list(folder.iterdir()) == []


def test_a_server_that_dies_leaves_no_half_file(fake: FakeGymlocker, folder: Path) -> None:
    with started("workouts", "export", str(folder / "diary.csv")) as process:
        assert fake.reached.wait(SECONDS)
        fake.stop()
        ended = end(process)
        assert ended.code == 1
        assert ended.errors.startswith("The transfer broke off (")
        assert ended.errors.count("\n") == 1
        assert list(folder.iterdir()) == []

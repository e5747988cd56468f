"""`gymlocker workouts import`."""

import json
import os
import signal
from pathlib import Path
from unittest.mock import Mock
from zoneinfo import ZoneInfoNotFoundError

import pytest

from server.errors import StartError
from server.programs.client.importing import (
    CHUNK_BYTES,
    GZIP_MAGIC,
    MAX_BACKUP_BYTES,
    MAX_BYTES,
    machine_zone,
    open_source,
    with_options,
)
from server.services.workout.importer import MAX_FILE_BYTES
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import TIMEOUT_SECONDS, end, run, started
from tests.programs.client.terminal import in_terminal

pytestmark = pytest.mark.extended

STRONG = """\
Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes
2021-03-01 18:02:11,Push,1h 5m,Bench Press,1,80.0,5,0,0,
2021-03-01 18:02:11,Push,1h 5m,Bench Press,2,80.0,5,0,0,
2021-03-02 18:00:00,Pull,,Row,1,60.0,8,0,0,
"""


BAD = STRONG + "sometime,Legs,1h,Squat,1,100,5,0,0,\n"


SUMMARY = """\
Format of the file: strong
2 workouts added, 0 already there.
1 workout without a duration: assumed 60 minutes (--default-duration).
"""


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    path = tmp_path / "strong.csv"
    path.write_text(STRONG)
    return path


class TestImport:
    @pytest.mark.usefixtures("logged_in")
    def test_adds_nothing_twice(self, gymlocker: Gymlocker, strong: Path) -> None:
        known = ("--unit=kg", "--time-zone=Europe/Berlin")
        ended = gymlocker("workouts", "import", str(strong), *known)
        assert (ended.code, ended.output, ended.errors) == (0, SUMMARY, "")
        ended = gymlocker("workouts", "import", str(strong), *known, "--format=strong")
        assert ended.code == 0
        assert "0 workouts added, 2 already there." in ended.output
        rows = [line.split() for line in gymlocker("workouts", "list").output.splitlines()[1:]]
        assert [(row[0], row[2]) for row in rows] == [
            ("2021-03-02", "Pull"),
            ("2021-03-01", "Push"),
        ]

    @pytest.mark.usefixtures("logged_in")
    def test_dry_run_adds_nothing(self, gymlocker: Gymlocker, strong: Path) -> None:
        ended = gymlocker("workouts", "import", str(strong), "--dry-run", "--default-duration=30")
        assert ended.code == 0
        assert "2 workouts would be added, 0 already there." in ended.output
        assert ": assumed 30 minutes" in ended.output
        assert "No workouts found" in gymlocker("workouts", "list").output

    @pytest.mark.usefixtures("logged_in")
    def test_lists_invalid_lines(self, gymlocker: Gymlocker, strong: Path) -> None:
        strong.write_text(BAD)
        ended = gymlocker("workouts", "import", str(strong), "--all-or-nothing")
        assert ended.code == 1
        assert "0 workouts added" in ended.output
        assert f"1 problem in {strong}; nothing was added:" in ended.output
        ended = gymlocker("workouts", "import", str(strong))
        assert ended.code == 1
        assert ended.output.startswith(SUMMARY)
        assert "\n   5  Date: " in ended.output

    @pytest.mark.usefixtures("logged_in")
    def test_reads_pipe(self) -> None:
        ended = run("workouts", "import", "-", stdin=BAD.encode())
        assert (ended.code, ended.errors) == (1, "")
        assert ended.output.startswith(SUMMARY)
        assert "1 problem in (standard input)" in ended.output

    @pytest.mark.usefixtures("logged_in")
    def test_rejects_unreadable_files(self, gymlocker: Gymlocker, tmp_path: Path) -> None:
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        expected = {
            "missing.csv": "The file {} does not exist: check the name.",
            "": "{} is a folder: pass the file that the app exported.",
            "other.csv": "{} was not imported: The header line matches no known format.",
        }
        for name, start_ in expected.items():
            ended = gymlocker("workouts", "import", str(tmp_path / name))
            assert (ended.code, ended.output) == (1, "")
            assert ended.errors.startswith(start_.format(tmp_path / name))

    @pytest.mark.usefixtures("logged_in")
    def test_rejects_oversized_file(self, gymlocker: Gymlocker, tmp_path: Path) -> None:
        path = tmp_path / "large.csv"
        path.touch()
        os.truncate(path, MAX_BYTES + 1)
        refusal = "is larger than 16 MiB: split it and repeat the header line in each part.\n"
        ended = gymlocker("workouts", "import", str(path))
        assert (ended.code, ended.errors) == (1, f"{path} {refusal}")
        ended = run("workouts", "import", "-", stdin=bytes(MAX_BYTES + 1))
        assert (ended.code, ended.errors) == (1, f"(standard input) {refusal}")
        assert MAX_BYTES == MAX_FILE_BYTES

    @pytest.mark.usefixtures("logged_in")
    def test_recognises_own_export(
        self, gymlocker: Gymlocker, tmp_path: Path, strong: Path
    ) -> None:
        gymlocker("workouts", "import", str(strong))
        path = tmp_path / "diary.csv"
        assert gymlocker("workouts", "export", str(path)).code == 0
        ended = gymlocker("workouts", "import", str(path))
        assert ended.output == "Format of the file: gymlocker\n0 workouts added, 2 already there.\n"
        assert len(json.loads(gymlocker("workouts", "export", "--format=json").output)) == 2

    @pytest.mark.usefixtures("logged_in")
    def test_larger_files_are_backups(self, gymlocker: Gymlocker, tmp_path: Path) -> None:
        path = tmp_path / "large.liftlogbackup.gz"
        path.write_bytes(GZIP_MAGIC)
        os.truncate(path, MAX_BACKUP_BYTES + 1)
        refusal = "is larger than 64 MiB, the limit for backups: export CSV from the app instead.\n"
        ended = gymlocker("workouts", "import", str(path))
        assert (ended.code, ended.errors) == (1, f"{path} {refusal}")
        with path.open("rb") as file:
            ended = run("workouts", "import", "-", stdin=file.read())
        assert (ended.code, ended.errors) == (1, f"(standard input) {refusal}")


class TestUpload:
    def test_sends_options(self, gymlocker: Gymlocker, fake: FakeGymlocker, strong: Path) -> None:
        ended = gymlocker(
            *("workouts", "import", str(strong), "--unit=lb", "--time-zone=Europe/Berlin"),
            *("--on-change=keep", "--format=liftlog"),
        )
        assert ended.code == 0
        [options] = fake.options
        assert (options.unit, options.time_zone) == ("lb", "Europe/Berlin")
        assert (options.on_change, options.format) == ("keep", "liftlog")

    def test_sends_backups_larger_than_other_files(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, tmp_path: Path
    ) -> None:
        path = tmp_path / "large.liftlogbackup.gz"
        path.write_bytes(GZIP_MAGIC)
        os.truncate(path, MAX_BYTES + 1)
        assert gymlocker("workouts", "import", str(path)).code == 0
        assert sum(fake.sizes) == MAX_BYTES + 1

    def test_shows_progress_of_server_in_terminal(self, fake: FakeGymlocker, strong: Path) -> None:
        fake.slow_import = True
        shown = in_terminal(
            "workouts",
            "import",
            str(strong),
            until="Server is working",
            then=lambda _: fake.proceed.set(),
        )
        assert "Format of the file: gymlocker" in shown

    def test_sends_file_in_chunks(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, tmp_path: Path
    ) -> None:
        path = tmp_path / "long.csv"
        path.write_bytes(bytes(2 * CHUNK_BYTES + 1))
        assert gymlocker("workouts", "import", str(path)).code == 0
        assert fake.sizes == [0, CHUNK_BYTES, CHUNK_BYTES, 1]

    def test_sends_nothing_of_oversized_file(
        self, gymlocker: Gymlocker, fake: FakeGymlocker, tmp_path: Path
    ) -> None:
        path = tmp_path / "large.csv"
        path.touch()
        os.truncate(path, MAX_BYTES + 1)
        assert gymlocker("workouts", "import", str(path)).code == 1
        assert fake.sizes == []

    def test_ctrl_c_works_while_waiting_for_input(self, fake: FakeGymlocker) -> None:
        with started("workouts", "import", "-") as process:
            assert fake.reached.wait(TIMEOUT_SECONDS)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_SECONDS) == 130
            ended = end(process)
            assert "Traceback" not in ended.errors

    def test_reports_dying_server(self, fake: FakeGymlocker) -> None:
        with started("workouts", "import", "-") as process:
            assert process.stdin is not None
            assert fake.reached.wait(TIMEOUT_SECONDS)
            fake.stop()
            ended = end(process, STRONG.encode())
            assert ended.code == 1
            assert ended.errors.startswith("The import of (standard input) was interrupted (")
            assert ended.errors.endswith(
                "and its result is unknown: import the file again, which adds nothing twice.\n"
            )


class TestSource:
    def test_rewinds_file(self, tmp_path: Path) -> None:
        path = tmp_path / "short.csv"
        path.write_bytes(b"all of it")
        with open_source(str(path)) as source:
            source.rewind()
            source.file.read()
            source.rewind()
            assert source.file.read() == b"all of it"

    def test_does_not_rewind_pipe(self) -> None:
        reading, writing = os.pipe()
        with open_source(f"/dev/fd/{reading}") as source:
            source.rewind()
            with pytest.raises(StartError, match="run the command again"):
                source.rewind()
        os.close(reading)
        os.close(writing)


class TestWithOptions:
    def test_names_options_in_place_of_fields(self) -> None:
        text = "A unit is missing: give unit=lb, or time_zone, or time_zone=Europe/Berlin."
        assert with_options(text) == (
            "A unit is missing: give --unit lb, or --time-zone, or --time-zone Europe/Berlin."
        )


class TestMachineZone:
    @pytest.mark.parametrize(
        ("local", "name"),
        [("Europe/Berlin", "Europe/Berlin"), ("Etc/UTC", ""), ("UTC", ""), ("", "")],
    )
    def test_is_empty_for_utc(self, monkeypatch: pytest.MonkeyPatch, local: str, name: str) -> None:
        monkeypatch.setattr("tzlocal.get_localzone_name", lambda: local)
        assert machine_zone() == name

    def test_is_empty_if_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tzlocal.get_localzone_name", Mock(side_effect=ZoneInfoNotFoundError))
        assert machine_zone() == ""

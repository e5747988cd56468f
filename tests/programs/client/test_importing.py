"""`gymlocker workouts import`."""

import io
import json
import os
import signal
from pathlib import Path

import pytest
from gymlocker.v2 import workout_pb2
from rich.console import Console

from server.errors import StartError
from server.programs.cli.workouts import ImportFormat
from server.programs.client.importing import MAX_BYTES, PIECE_BYTES, opened
from server.programs.client.screen import Screen
from server.services.workout.formats.model import Format
from server.services.workout.importer import MAX_FILE_BYTES
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import SECONDS, end, run, started

STRONG = """\
Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes
2021-03-01 18:02:11,Push,1h 5m,Bench Press,1,80.0,5,0,0,
2021-03-01 18:02:11,Push,1h 5m,Bench Press,2,80.0,5,0,0,
2021-03-02 18:00:00,Pull,,Row,1,60.0,8,0,0,
"""
BAD = STRONG + "sometime,Legs,1h,Squat,1,100,5,0,0,\n"

SUMMARY = """\
Taken for a file of: strong
2 workouts added, 0 there already.
1 workout without a length of their own: 60 minutes assumed (--default-duration).
"""


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    path = tmp_path / "strong.csv"
    path.write_text(STRONG)
    return path


@pytest.mark.usefixtures("logged_in")
def test_the_second_time_adds_nothing(gymlocker: Gymlocker, strong: Path) -> None:
    ended = gymlocker("workouts", "import", str(strong))
    assert (ended.code, ended.output, ended.errors) == (0, SUMMARY, "")
    ended = gymlocker("workouts", "import", str(strong), "--format=strong")
    assert ended.code == 0
    assert "0 workouts added, 2 there already." in ended.output
    assert "2021-03-02  Pull" in gymlocker("workouts", "list").output


@pytest.mark.usefixtures("logged_in")
def test_a_dry_run_adds_nothing(gymlocker: Gymlocker, strong: Path) -> None:
    ended = gymlocker("workouts", "import", str(strong), "--dry-run", "--default-duration=30")
    assert ended.code == 0
    assert "2 workouts would be added, 0 there already." in ended.output
    assert ": 30 minutes assumed" in ended.output
    assert "There are no such workouts" in gymlocker("workouts", "list").output


@pytest.mark.usefixtures("logged_in")
def test_bad_lines_are_named(gymlocker: Gymlocker, strong: Path) -> None:
    strong.write_text(BAD)
    ended = gymlocker("workouts", "import", str(strong), "--all-or-nothing")
    assert ended.code == 1
    assert "0 workouts added" in ended.output
    assert f"1 problem in {strong}, so nothing is added:" in ended.output
    ended = gymlocker("workouts", "import", str(strong))
    assert ended.code == 1
    assert ended.output.startswith(SUMMARY)
    assert "\n   5  Date: " in ended.output


@pytest.mark.usefixtures("logged_in")
def test_a_pipe() -> None:
    ended = run("workouts", "import", "-", stdin=BAD.encode())
    assert (ended.code, ended.errors) == (1, "")
    assert ended.output.startswith(SUMMARY)
    assert "1 problem in (standard input)" in ended.output


@pytest.mark.usefixtures("logged_in")
def test_what_cannot_be_read(gymlocker: Gymlocker, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    expected = {
        "missing.csv": "There is no file {}.",
        "": "{} is a folder: give the file that the app exported.",
        "other.csv": "{} was not imported: The header line is of no known format;",
    }
    for name, start_ in expected.items():
        ended = gymlocker("workouts", "import", str(tmp_path / name))
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(start_.format(tmp_path / name))


@pytest.mark.usefixtures("logged_in")
def test_a_file_that_is_too_large(gymlocker: Gymlocker, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)
    refusal = "is larger than 16 MiB: divide it, each part with the header line.\n"
    ended = gymlocker("workouts", "import", str(path))
    assert (ended.code, ended.errors) == (1, f"{path} {refusal}")
    ended = run("workouts", "import", "-", stdin=bytes(MAX_BYTES + 1))
    assert (ended.code, ended.errors) == (1, f"(standard input) {refusal}")
    assert MAX_BYTES == MAX_FILE_BYTES


def test_a_file_is_sent_in_pieces(
    gymlocker: Gymlocker, fake: FakeGymlocker, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(bytes(2 * PIECE_BYTES + 1))
    assert gymlocker("workouts", "import", str(path)).code == 0
    assert fake.sizes == [0, PIECE_BYTES, PIECE_BYTES, 1]


def test_a_file_that_is_too_large_is_not_sent(
    gymlocker: Gymlocker, fake: FakeGymlocker, tmp_path: Path
) -> None:
    path = tmp_path / "large.csv"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)
    assert gymlocker("workouts", "import", str(path)).code == 1
    assert fake.sizes == []


def test_a_file_is_sent_again_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_bytes(b"all of it")
    with opened(str(path)) as source:
        source.begin()
        source.file.read()
        source.begin()
        assert source.file.read() == b"all of it"


def test_a_pipe_is_not_sent_again_from_its_middle() -> None:
    reading, writing = os.pipe()
    with opened(f"/dev/fd/{reading}") as source:
        source.begin()
        with pytest.raises(StartError, match="run the command again"):
            source.begin()
    os.close(reading)
    os.close(writing)


def test_ctrl_c_while_the_input_waits(fake: FakeGymlocker) -> None:
    with started("workouts", "import", "-") as process:
        assert fake.reached.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 130
        ended = end(process)
        assert "Traceback" not in ended.errors


def test_a_server_that_dies(fake: FakeGymlocker) -> None:
    with started("workouts", "import", "-") as process:
        assert process.stdin is not None
        assert fake.reached.wait(SECONDS)
        fake.stop()
        ended = end(process, STRONG.encode())
        assert ended.code == 1
        assert ended.errors.startswith("The server broke off (")
        assert ended.errors.endswith(
            "and whether (standard input) was imported is not known: "
            "import it again, which adds nothing twice.\n"
        )


def test_problems_that_are_too_many_to_be_sent(strong: Path) -> None:
    stream = io.StringIO()
    reply = workout_pb2.ImportWorkoutsResponse(
        format="strong",
        problem_count=1_001,
        problems=[workout_pb2.ImportProblem(line=7, message="wrong \x1b " + "long " * 50)],
    )
    with opened(str(strong)) as source:
        Screen(Console(file=stream, width=60)).imported(
            source, workout_pb2.ImportWorkoutsRequest(), reply
        )
    assert "And 1,000 more." in stream.getvalue()
    # Nothing of a message is left out.
    assert stream.getvalue().count("long") == 50
    assert "\x1b" not in stream.getvalue()


def test_every_format_of_the_server_can_be_chosen() -> None:
    assert {each.value for each in ImportFormat} == {each.value for each in Format}


@pytest.mark.usefixtures("logged_in")
def test_an_export_is_imported_again(gymlocker: Gymlocker, tmp_path: Path, strong: Path) -> None:
    gymlocker("workouts", "import", str(strong))
    path = tmp_path / "diary.csv"
    assert gymlocker("workouts", "export", str(path)).code == 0
    ended = gymlocker("workouts", "import", str(path))
    assert ended.output == "Taken for a file of: gymlocker\n0 workouts added, 2 there already.\n"
    assert len(json.loads(gymlocker("workouts", "export", "--format=json").output)) == 2

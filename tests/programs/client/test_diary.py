"""Listing, figures and adding; and what can go wrong with any command."""

import datetime as dt
import io
from pathlib import Path

import pytest
from gymlocker.v2 import workout_pb2
from rich.console import Console

from server.errors import StartError
from server.programs.client import diary
from server.programs.client.screen import Screen, console_on
from server.programs.client.text import day, printable, waiting_time
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.fakes import FakeGymlocker
from tests.programs.client.process import end, started

TODAY = dt.date(2026, 3, 1)


def table(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


@pytest.mark.usefixtures("logged_in")
def test_the_newest_come_first(gymlocker: Gymlocker) -> None:
    for date, kind in (("2026-02-05", "Yoga"), ("2026-02-07", "Run"), ("2026-02-06", "run")):
        assert gymlocker("workouts", "add", date, kind, "30").code == 0
    listed = gymlocker("workouts", "list")
    assert [row[0] for row in table(listed.output)[1:]] == [
        "2026-02-07",
        "2026-02-06",
        "2026-02-05",
    ]
    chosen = gymlocker("workouts", "list", "--type=RUN", "--from=2026-02-06", "--to=2026-02-06")
    assert table(chosen.output)[1:] == [["2026-02-06", "run", "30"]]
    first = gymlocker("workouts", "list", "--limit=2")
    assert [row[0] for row in table(first.output)[1:3]] == ["2026-02-07", "2026-02-06"]
    assert first.output.splitlines()[3:] == ["The newest 2; there are more: --limit."]


@pytest.mark.usefixtures("logged_in")
def test_more_than_a_page(gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "LARGEST_PAGE", 2)
    for number in range(1, 6):
        gymlocker("workouts", "add", f"2026-02-0{number}", "Run", "30")
    for limit, expected in ((3, [5, 4, 3]), (4, [5, 4, 3, 2]), (9, [5, 4, 3, 2, 1])):
        listed = gymlocker("workouts", "list", f"--limit={limit}")
        days = [int(row[0][-1]) for row in table(listed.output)[1:] if row[0] != "The"]
        assert days == expected


@pytest.mark.usefixtures("logged_in")
def test_a_streak_is_current_where_the_person_is(
    gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diary, "local_today", lambda: TODAY)
    added = gymlocker("workouts", "add", "yesterday", "Bench Press", "40")
    assert added.output == "Added: 2026-02-28, Bench Press, 40 minutes.\n"
    gymlocker("workouts", "add", "today", "Run", "1200")
    stats = gymlocker("workouts", "stats")
    assert stats.output.splitlines()[:2] == [
        "2 workouts, 1,240 minutes",
        "Current streak: 2 days; longest: 2 days",
    ]
    assert ["Bench", "Press", "1", "40"] in table(stats.output)
    assert ["2026-02", "1", "40"] in table(stats.output)
    assert ["2026-02-23", "2", "1,240"] in table(stats.output)
    monkeypatch.setattr(diary, "local_today", lambda: TODAY + dt.timedelta(days=2))
    assert "Current streak: 0 days" in gymlocker("workouts", "stats").output
    assert gymlocker("workouts", "stats", "--type=Run").output.startswith("1 workout, ")


@pytest.mark.usefixtures("logged_in")
def test_an_empty_diary(gymlocker: Gymlocker) -> None:
    for command in ("list", "stats"):
        ended = gymlocker("workouts", command)
        assert (ended.code, ended.output) == (0, "There are no such workouts.\n")


@pytest.mark.parametrize("text", ["2026-02-30", "yesteryear", "07.02.2026", "\x1b[31m"])
@pytest.mark.usefixtures("logged_in")
def test_a_date_that_is_none(gymlocker: Gymlocker, text: str) -> None:
    for arguments in (("list", "--from", text), ("stats", "--to", text), ("add", text, "Run", "9")):
        ended = gymlocker("workouts", *arguments)
        assert (ended.code, ended.output) == (1, "")
        assert "is not a date: write it as" in ended.errors
        assert "\x1b" not in ended.errors


def test_dates() -> None:
    assert [day(text, TODAY) for text in ("Today", "yesterday", "2024-02-29", None)] == [
        "2026-03-01",
        "2026-02-28",
        "2024-02-29",
        "",
    ]
    with pytest.raises(StartError, match="is later than"):
        diary.wanted("2026-02-02", "2026-02-01", None)


def test_not_logged_in(gymlocker: Gymlocker) -> None:
    for command in (
        ["list"],
        ["stats"],
        ["export"],
        ["import", __file__],
        ["add", "today", "a", "1"],
    ):
        ended = gymlocker("workouts", *command)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == "You are not logged in: run `gymlocker login`.\n"


def test_a_server_out_of_reach(gymlocker: Gymlocker, fake: FakeGymlocker) -> None:
    fake.stop()
    for command in (
        ["list"],
        ["stats"],
        ["export"],
        ["import", __file__],
        ["add", "today", "a", "1"],
    ):
        ended = gymlocker("workouts", *command)
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith(f"No Gymlocker answers at {fake.url}: start one there")
        assert ended.errors.count("\n") == 1


def test_a_server_that_is_no_gymlocker(gymlocker: Gymlocker, fake: FakeGymlocker) -> None:
    # It has no such method.
    ended = gymlocker("workouts", "list")
    assert ended.code == 1
    assert ended.errors.startswith(f"What answers at {fake.url} is not a Gymlocker (")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://a", "http://", "http://a:0", "http://a/b", "http://a:b@c"]
)
def test_a_url_that_is_none(gymlocker: Gymlocker, url: str) -> None:
    ended = gymlocker("login", "ada", f"--url={url}")
    assert ended.code == 1
    assert "is not an address: give --url as http://host:port" in ended.errors


@pytest.mark.usefixtures("logged_in")
def test_bytes_that_are_no_text(gymlocker: Gymlocker) -> None:
    ended = gymlocker("workouts", "list", "--type=\udcff")
    assert (ended.code, ended.errors) == (1, "What you typed holds bytes that are no text.\n")


def shown(encoding: str, *, terminal: bool, width: int | None = None) -> str:
    """A list of one workout that would take a terminal over."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = (
        Console(file=stream, width=80, force_terminal=True) if terminal else console_on(stream)
    )
    notes = "first\nsecond \x1b[2J\x07 [bold]ü😀 " + "long " * 500
    workout = workout_pb2.Workout(date="2026-02-07", type="\x1b[31mRun", duration=30, notes=notes)
    Screen(console).workouts([workout], more=False)
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(encoding)


def test_notes_are_shortened_and_obeyed_by_no_terminal() -> None:
    text = shown("utf-8", terminal=False)
    assert "first second [2J [bold]ü😀 long" in text
    assert "\x1b" not in text and "\x07" not in text
    assert len(text.splitlines()) == 2
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "\x1b[2J" not in shown("utf-8", terminal=True)
    assert "first second [2J [bold]??" in shown("ascii", terminal=False)


def test_what_a_terminal_may_be_shown() -> None:
    assert printable("a\r\nb\t\x9bc \u202ed") == "a b c d"
    assert printable("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"


def test_how_long_to_wait() -> None:
    texts = [waiting_time(seconds) for seconds in (1, 45, 119, 120, 121)]
    assert texts == ["1 second", "45 seconds", "119 seconds", "2 minutes", "3 minutes"]


@pytest.mark.parametrize("command", ["list", "export"])
@pytest.mark.usefixtures("logged_in")
def test_a_disk_that_is_full(command: str) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        started("workouts", command, stdout=full.fileno()) as process,
    ):
        ended = end(process)
    assert ended.code == 1
    assert ended.errors == "The output cannot be written (No space left on device).\n"

"""Listing, showing, adding, editing and deleting workouts, and statistics."""

import datetime as dt
import signal
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from gymlocker.v2.workout_pb2 import Workout

from server.errors import StartError
from server.programs.client import diary, lookup
from server.programs.client.connection import Connection
from server.programs.client.text import day
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.terminal import in_terminal

pytestmark = pytest.mark.extended

TODAY = dt.date(2026, 3, 1)


def table(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def added(gymlocker: Gymlocker, *arguments: str) -> str:
    """Add a workout, and return its id."""
    known = {row[1] for row in table(gymlocker("workouts", "list").output)[1:]}
    assert gymlocker("workouts", "add", "2026-02-07", "Push", "65", *arguments).code == 0
    [id_] = {row[1] for row in table(gymlocker("workouts", "list").output)[1:]} - known
    return id_


class TestList:
    @pytest.mark.usefixtures("logged_in")
    def test_lists_newest_first(self, gymlocker: Gymlocker) -> None:
        for date, kind in (("2026-02-05", "Yoga"), ("2026-02-07", "Run"), ("2026-02-06", "run")):
            assert gymlocker("workouts", "add", date, kind, "30").code == 0
        listed = gymlocker("workouts", "list")
        assert [row[0] for row in table(listed.output)[1:]] == [
            "2026-02-07",
            "2026-02-06",
            "2026-02-05",
        ]
        chosen = gymlocker("workouts", "list", "--type=RUN", "--from=2026-02-06", "--to=2026-02-06")
        [[date, id_, *rest]] = table(chosen.output)[1:]
        assert (date, rest) == ("2026-02-06", ["run", "30", "min"])
        # Whole, for it is a pipe.
        assert str(UUID(id_)) == id_
        first = gymlocker("workouts", "list", "--limit=2")
        assert [row[0] for row in table(first.output)[1:3]] == ["2026-02-07", "2026-02-06"]
        assert first.output.splitlines()[3:] == ["Showing the newest 2; for more, use --limit."]

    @pytest.mark.usefixtures("logged_in")
    def test_reads_several_pages(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(diary, "MAX_PAGE_SIZE", 2)
        for number in range(1, 6):
            gymlocker("workouts", "add", f"2026-02-0{number}", "Run", "30")
        for limit, expected in ((3, [5, 4, 3]), (4, [5, 4, 3, 2]), (9, [5, 4, 3, 2, 1])):
            listed = gymlocker("workouts", "list", f"--limit={limit}")
            days = [int(row[0][-1]) for row in table(listed.output)[1:] if row[0] != "Showing"]
            assert days == expected


class TestStats:
    @pytest.mark.usefixtures("logged_in")
    def test_streak_follows_local_date(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(diary, "local_today", lambda: TODAY)
        added = gymlocker("workouts", "add", "yesterday", "Bench Press", "40")
        assert added.output == "Added: 2026-02-28, Bench Press, 40 minutes.\n"
        gymlocker("workouts", "add", "today", "Run", "1200")
        stats = gymlocker("workouts", "stats")
        assert stats.output.splitlines()[:2] == [
            "2 workouts, 20 h 40 min",
            "Current streak: 2 days; longest: 2 days",
        ]
        assert ["Bench", "Press", "1", "40", "min"] in table(stats.output)
        months = [row[:-1] for row in table(stats.output) if row[:1] == ["2026-02"]]
        assert months == [["2026-02", "1", "40", "min"]]
        assert ["2026-02-23", "2", "20", "h", "40", "min", "█" * 20] in table(stats.output)
        monkeypatch.setattr(diary, "local_today", lambda: TODAY + dt.timedelta(days=2))
        assert "Current streak: 0 days" in gymlocker("workouts", "stats").output
        assert gymlocker("workouts", "stats", "--type=Run").output.startswith("1 workout, ")

    @pytest.mark.usefixtures("logged_in")
    def test_reports_empty_diary(self, gymlocker: Gymlocker) -> None:
        for command in ("list", "stats"):
            ended = gymlocker("workouts", command)
            assert (ended.code, ended.output) == (0, "No workouts found.\n")

    @pytest.mark.usefixtures("logged_in")
    def test_has_volume_in_unit_and_weeks_from_sunday(self, gymlocker: Gymlocker) -> None:
        gymlocker("workouts", "add", "2026-02-08", "Push", "60", "Bench: 100x5, w 60x10")
        stats = gymlocker("workouts", "stats", "--year=2026")
        assert stats.output.splitlines()[1] == "1 set, 500 kg"
        assert any(row[:2] == ["2026-02-02", "1"] for row in table(stats.output))
        stats = gymlocker("workouts", "stats", "--unit=lb", "--week-start=sunday")
        assert stats.output.splitlines()[1] == "1 set, 1,102 lb"
        assert any(row[:2] == ["2026-02-08", "1"] for row in table(stats.output))

    @pytest.mark.usefixtures("logged_in")
    def test_calendar_shows_last_year_or_chosen_one(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(diary, "local_today", lambda: TODAY)
        for date in ("2024-03-01", "2025-02-28", "2025-03-02", "today"):
            gymlocker("workouts", "add", date, "Run", "30")
        calendar = gymlocker("workouts", "stats").output.split("Mar", 1)[1]
        # 2025-02-28 is 366 days ago.
        assert calendar.count("░") - calendar.count("░ 30+") == 2
        stats = gymlocker("workouts", "stats", "--year=2025")
        assert stats.output.startswith("2 workouts, ")
        calendar = stats.output.split("Jan", 1)[1]
        assert calendar.count("░") - calendar.count("░ 30+") == 2
        ended = gymlocker("workouts", "stats", "--year=2025", "--from=2025-01-01")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == "--year stands for --from and --to: pass either.\n"


class TestShow:
    @pytest.mark.usefixtures("logged_in")
    def test_shows_sets_as_they_were_entered(self, gymlocker: Gymlocker) -> None:
        id_ = added(gymlocker, "Bench: w 45lb x10, 102,5kg x5 @8.5 (easy)", "--start=18:30Z")
        for typed in (id_, id_[:4], id_[:9].upper(), id_.replace("-", "")):
            assert gymlocker("workouts", "show", typed).output.splitlines() == [
                "2026-02-07 18:30 (UTC), Push, 1 h 5 min",
                f"ID {id_}",
                "",
                "Bench",
                "   1  warmup 45lb x10",
                "   2  102.5kg x5 @8.5 (easy)",
            ]


class TestAdd:
    @pytest.mark.usefixtures("logged_in")
    def test_prints_what_was_understood(self, gymlocker: Gymlocker) -> None:
        ended = gymlocker(
            *("workouts", "add", "2026-02-07", "Push", "65", "--unit=lb"),
            *("Bench Press: 225x5 x5, 90kg x8", "Plank: 2x60s"),
        )
        assert ended.output.splitlines() == [
            "Added: 2026-02-07, Push, 65 minutes.",
            "  Bench Press: 225lb x5 x5, 90kg x8",
            "  Plank: 1:00, 1:00",
            "2 exercises, 5 sets.",
        ]
        [row] = table(gymlocker("workouts", "list").output)[1:]
        assert row[2:] == ["Push", "1", "h", "5", "min", "2", "5"]

    @pytest.mark.usefixtures("logged_in")
    def test_adds_nothing_if_a_set_is_wrong(self, gymlocker: Gymlocker) -> None:
        ended = gymlocker("workouts", "add", "today", "Push", "65", "Bench: 100kg x5", "Row: 3x10")
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors.startswith("Row: 3x10\n     ^^^^\n3x10 can mean 3 sets or 3 kg: ")
        assert gymlocker("workouts", "list").output == "No workouts found.\n"


class TestEdit:
    @pytest.mark.usefixtures("logged_in")
    def test_changes_what_is_given(self, gymlocker: Gymlocker) -> None:
        id_ = added(gymlocker, "Bench: 100kg x5", "--notes=old", "--start=18:30Z")
        ended = gymlocker("workouts", "edit", id_[:8], "--minutes=70", "--date=2026-02-08")
        assert ended.output.splitlines() == [
            "Saved: 2026-02-08 18:30 (UTC), Push, 1 h 10 min.",
            "  Bench: 100kg x5",
            "1 exercise, 1 set.",
        ]
        gymlocker(
            "workouts", "edit", id_, "--type=Legs", "--sets=Squat: 5x5 100", "--sets=Run: 1km"
        )
        shown = gymlocker("workouts", "show", id_).output
        assert "Legs, 1 h 10 min" in shown and "old" in shown
        assert "Squat" in shown and "Run" in shown and "Bench" not in shown
        gymlocker("workouts", "edit", id_, "--notes=", "--start=", "--sets=")
        assert gymlocker("workouts", "show", id_).output.splitlines() == [
            "2026-02-08, Legs, 1 h 10 min",
            f"ID {id_}",
        ]

    @pytest.mark.usefixtures("logged_in")
    def test_requires_options_without_terminal(self, gymlocker: Gymlocker) -> None:
        ended = gymlocker("workouts", "edit", added(gymlocker))
        assert (ended.code, ended.output) == (1, "")
        assert ended.errors == ("Not running in a terminal: pass options, such as --minutes 45.\n")


class TestDelete:
    @pytest.mark.usefixtures("logged_in")
    def test_deletes_all_that_are_named(self, gymlocker: Gymlocker) -> None:
        first, second, third = (added(gymlocker) for _ in range(3))
        ended = gymlocker("workouts", "delete", first, second[:13], second, "--yes")
        assert ended.output == "Deleted: 2026-02-07, Push, 1 h 5 min.\n" * 2
        listed = gymlocker("workouts", "list")
        assert [row[1] for row in table(listed.output)[1:]] == [third]

    @pytest.mark.usefixtures("logged_in")
    def test_deletes_none_if_one_is_unknown(self, gymlocker: Gymlocker) -> None:
        id_ = added(gymlocker)
        ended = gymlocker("workouts", "delete", id_, str(uuid4()), "--yes")
        assert (ended.code, ended.output) == (1, "")
        assert "You have no workout with the id" in ended.errors
        assert gymlocker("workouts", "show", id_).code == 0

    @pytest.mark.usefixtures("logged_in")
    def test_requires_yes_without_terminal(self, gymlocker: Gymlocker) -> None:
        id_ = added(gymlocker)
        ended = gymlocker("workouts", "delete", id_)
        assert (ended.code, ended.output) == (1, "")
        assert "pass --yes to delete without being asked." in ended.errors
        assert gymlocker("workouts", "show", id_).code == 0

    @pytest.mark.parametrize(
        ("answer", "is_deleted"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("", False)]
    )
    @pytest.mark.usefixtures("logged_in")
    def test_asks_in_terminal(self, gymlocker: Gymlocker, answer: str, *, is_deleted: bool) -> None:
        id_ = added(gymlocker)
        printed = in_terminal("workouts", "delete", id_[:8], typed=answer or "\x04")
        assert f"{id_[:8]}  2026-02-07, Push, 1 h 5 min" in printed
        assert "Delete 1 workout? [y/N]" in printed
        assert ("Nothing was deleted." in printed) != is_deleted
        assert gymlocker("workouts", "show", id_).code == is_deleted

    @pytest.mark.usefixtures("logged_in")
    def test_ctrl_c_ends_question(self, gymlocker: Gymlocker) -> None:
        id_ = added(gymlocker)
        printed = in_terminal(
            *("workouts", "delete", id_),
            until="[y/N]",
            then=lambda process: process.send_signal(signal.SIGINT),
        )
        assert "Traceback" not in printed
        assert gymlocker("workouts", "show", id_).code == 0


class TestConflict:
    @pytest.mark.usefixtures("logged_in")
    def test_leaves_workout_as_it_is(
        self, gymlocker: Gymlocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id_ = added(gymlocker)

        def outdated(get: Callable[..., Awaitable[Workout]]) -> Callable[..., Awaitable[Workout]]:
            async def read(connection: Connection, id_: str) -> Workout:
                workout = await get(connection, id_)
                workout.etag = "an older one"
                return workout

            return read

        monkeypatch.setattr(lookup, "get", outdated(diary.get))
        for command in (("edit", id_, "--minutes=9"), ("delete", id_, "--yes")):
            ended = gymlocker("workouts", *command)
            assert (ended.code, ended.output) == (1, "")
            assert ended.errors == (
                "The workout was changed elsewhere in the meantime, and was left as it is: look at "
                f"it with `gymlocker workouts show {id_[:8]}`, and run the command again.\n"
            )
        assert "1 h 5 min" in gymlocker("workouts", "show", id_).output


class TestDates:
    @pytest.mark.parametrize("text", ["2026-02-30", "yesteryear", "07.02.2026", "\x1b[31m"])
    @pytest.mark.usefixtures("logged_in")
    def test_rejects_invalid_date(self, gymlocker: Gymlocker, text: str) -> None:
        for arguments in (
            ("list", "--from", text),
            ("stats", "--to", text),
            ("add", text, "Run", "9"),
        ):
            ended = gymlocker("workouts", *arguments)
            assert (ended.code, ended.output) == (1, "")
            assert "is not a date: write it as" in ended.errors
            assert "\x1b" not in ended.errors

    def test_accepts_iso_dates_and_words(self) -> None:
        assert [day(text, TODAY) for text in ("Today", "yesterday", "2024-02-29", None)] == [
            "2026-03-01",
            "2026-02-28",
            "2024-02-29",
            "",
        ]
        with pytest.raises(StartError, match="is later than"):
            diary.select("2026-02-02", "2026-02-01", None)

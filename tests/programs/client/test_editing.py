"""Editing a workout in an editor."""

from collections.abc import Callable
from pathlib import Path

import pytest
from gymlocker.v2.workout_pb2 import Workout

from server.errors import StartError
from server.programs.client import editing
from server.programs.client.diary import Conflict
from tests.programs.client.conftest import Gymlocker
from tests.programs.client.terminal import in_terminal
from tests.programs.client.test_diary import added

BEFORE = Workout(id="a", date="2026-02-07", type="Push", duration=65)
Editor = Callable[[str], None]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Return a function that sets the editor to a script of sed."""

    def set_editor(script: str) -> None:
        path = tmp_path / "editor"
        path.write_text(f'#!/bin/sh\nsed -i "{script}" "$1"\n')
        path.chmod(0o700)
        monkeypatch.setenv("VISUAL", str(path))

    return set_editor


def store(workout: Workout) -> Workout:
    return workout


class TestEdit:
    def test_saves_what_was_written(self, temporary_folder: Path, editor: Editor) -> None:
        editor("s/^Minutes: 65/Minutes: 70/; s/^Exercises:/&\\n  Run: 5km/")
        saved = editing.edit(BEFORE, "kg", store)
        assert saved is not None
        assert (saved.duration, saved.exercises[0].name) == (70, "Run")
        assert list(temporary_folder.iterdir()) == []

    @pytest.mark.parametrize("script", ["", "d"], ids=["unchanged", "emptied"])
    def test_changes_nothing_without_a_change(
        self, temporary_folder: Path, editor: Editor, script: str
    ) -> None:
        editor(script)
        assert editing.edit(BEFORE, "kg", store) is None
        assert list(temporary_folder.iterdir()) == []

    def test_keeps_text_on_conflict(self, temporary_folder: Path, editor: Editor) -> None:
        editor("s/65/70/")

        def conflict(workout: Workout) -> Workout:
            raise Conflict("Changed elsewhere.")

        with pytest.raises(StartError) as raised:
            editing.edit(BEFORE, "kg", conflict)
        [kept] = temporary_folder.iterdir()
        assert str(raised.value) == f"Changed elsewhere.\nYour text is kept in {kept}."
        assert "Minutes: 70\n" in kept.read_text()
        assert kept.stat().st_mode & 0o777 == 0o600

    def test_asks_to_edit_again_after_an_error(
        self,
        temporary_folder: Path,
        editor: Editor,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        # The second time, it corrects what it did the first time.
        editor("s/^Minutes: x/Minutes: 70/; s/^Minutes: 65/Minutes: x/")
        monkeypatch.setattr(editing, "ask", lambda _: True)
        saved = editing.edit(BEFORE, "kg", store)
        assert saved is not None and saved.duration == 70
        assert capsys.readouterr().err.startswith("Line 3: Minutes are a whole number")
        assert list(temporary_folder.iterdir()) == []

    def test_keeps_text_if_not_edited_again(
        self, temporary_folder: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor("s/65/x/")
        monkeypatch.setattr(editing, "ask", lambda _: False)
        with pytest.raises(StartError, match=r"^Nothing was changed.\nYour text is kept in "):
            editing.edit(BEFORE, "kg", store)
        [kept] = temporary_folder.iterdir()
        assert "Minutes: x\n" in kept.read_text()

    def test_keeps_text_when_interrupted(self, temporary_folder: Path, editor: Editor) -> None:
        editor("s/65/70/")

        def interrupted(workout: Workout) -> Workout:
            raise KeyboardInterrupt

        with pytest.raises(StartError, match="Your text is kept in "):
            editing.edit(BEFORE, "kg", interrupted)
        assert len(list(temporary_folder.iterdir())) == 1

    @pytest.mark.parametrize("command", ["false", "no-such-editor"])
    def test_reports_editor_that_fails(
        self, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        monkeypatch.setenv("VISUAL", command)
        with pytest.raises(StartError, match="set EDITOR to the command of yours"):
            editing.edit(BEFORE, "kg", store)
        assert list(temporary_folder.iterdir()) == []


@pytest.mark.extended
class TestCommand:
    @pytest.mark.usefixtures("logged_in")
    def test_edits_in_terminal(self, gymlocker: Gymlocker, editor: Editor) -> None:
        id_ = added(gymlocker, "Bench: 100kg x5")
        editor("s/^Minutes: 65/Minutes: 70/; s/100kg x5/& x4/")
        assert in_terminal("workouts", "edit", id_[:8]) == (
            "Saved: 2026-02-07, Push, 1 h 10 min.\n  Bench: 100kg x5 x4\n1 exercise, 2 sets.\n"
        )
        editor("")
        assert in_terminal("workouts", "edit", id_[:8]) == "Nothing was changed.\n"

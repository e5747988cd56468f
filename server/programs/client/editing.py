"""Editing a workout in the person's editor."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from gymlocker.v2 import workout_pb2

from server.errors import StartError
from server.programs.client.diary import Conflict
from server.programs.client.form import read_form, write_form
from server.programs.client.prompts import ask


def edit(
    before: workout_pb2.Workout,
    unit: str,
    save: Callable[[workout_pb2.Workout], workout_pb2.Workout],
) -> workout_pb2.Workout | None:
    """Let a person edit a workout, and `save` it; return None if they changed nothing.

    Raises StartError, and then leaves the text in a file that the error names.
    """
    form = write_form(before)
    path = _new_file(form)
    is_kept = True
    try:
        saved = _edit_until_saved(path, form, before, unit, save)
        is_kept = False
    except (StartError, KeyboardInterrupt) as error:
        if path.read_text(encoding="utf-8", errors="replace") == form:
            is_kept = False
            raise
        sentence = str(error) or "Interrupted: nothing was changed."
        raise StartError(f"{sentence}\nYour text is kept in {path}.") from error
    finally:
        if not is_kept:
            path.unlink(missing_ok=True)
    return saved


def _edit_until_saved(
    path: Path,
    form: str,
    before: workout_pb2.Workout,
    unit: str,
    save: Callable[[workout_pb2.Workout], workout_pb2.Workout],
) -> workout_pb2.Workout | None:
    while True:
        _open_editor(path)
        text = _read(path)
        if text == form or not text.strip():
            return None
        try:
            return save(read_form(text, before, unit))
        except Conflict:
            raise
        except StartError as error:
            print(error, file=sys.stderr)
            if not ask("Edit again?"):
                raise StartError("Nothing was changed.") from error


def _open_editor(path: Path) -> None:
    try:
        click.edit(filename=path)
    except click.ClickException as error:
        raise StartError(
            f"The editor failed ({error.message}): set EDITOR to the command of yours."
        ) from error


def _new_file(text: str) -> Path:
    """Return a new file that only this person can read."""
    handle, name = tempfile.mkstemp(prefix="gymlocker-workout-", suffix=".txt")
    # Notes may contain carriage returns.
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return Path(name)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        raise StartError(f"{path} is not readable text: save it in UTF-8.") from None

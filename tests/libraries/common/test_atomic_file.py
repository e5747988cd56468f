"""Atomic writes of files."""

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from server.libraries.common.atomic_file import whole_file


def test_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with whole_file(path) as file:
        file.write(b"after")
        file.flush()
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_write_leaves_no_file(tmp_path: Path) -> None:
    def interrupted() -> NoReturn:
        with whole_file(tmp_path / "file") as file:
            file.write(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_does_not_overwrite_a_file_that_appears_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(FileExistsError), whole_file(path, overwrite=False):
        path.write_text("precious")
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exists", [False, True])
def test_works_without_hard_links(
    tmp_path: Path, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "file"
    if exists:
        with pytest.raises(FileExistsError), whole_file(path, overwrite=False):
            path.write_text("precious")
        return
    with whole_file(path, overwrite=False) as file:
        file.write(b"all")
    assert path.read_text() == "all"
    assert list(tmp_path.iterdir()) == [path]

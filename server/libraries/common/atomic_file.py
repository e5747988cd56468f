"""Atomic writes: a file appears complete or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file that appears at `path`, with mode 0600, once all of it is on the disk.

    Raises FileExistsError if `path` exists by then and `overwrite` is false.
    """
    with new_file(path, overwrite=overwrite) as new, new.open("wb") as file:
        yield file


@contextmanager
def new_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield the path of an empty file for another program, which appears as that of `whole_file`.

    It must be written in place.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    new = Path(name)
    try:
        yield new
        os.fsync(descriptor)
        if overwrite:
            new.replace(path)
        else:
            _rename_new(new, path)
    finally:
        os.close(descriptor)
        new.unlink(missing_ok=True)


def _rename_new(new: Path, path: Path) -> None:
    """Rename without overwriting."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links, as on many USB sticks.
        if path.exists():
            raise FileExistsError from None
        new.replace(path)

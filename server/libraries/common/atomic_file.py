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
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            Path(new).replace(path)
        else:
            _rename_new(Path(new), path)
    finally:
        Path(new).unlink(missing_ok=True)


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

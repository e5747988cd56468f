"""Files that are there as a whole or not at all, whatever happens while they are written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A file that is at `path` once all is written, and on the disk. Its mode is 0600.

    Raises FileExistsError if there is one by then that is not to be overwritten.
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
            _give_name(Path(new), path)
    finally:
        Path(new).unlink(missing_ok=True)


def _give_name(new: Path, path: Path) -> None:
    """Renames, but never over another file."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links, such as a USB stick's.
        if path.exists():
            raise FileExistsError from None
        new.replace(path)

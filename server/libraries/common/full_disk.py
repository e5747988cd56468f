"""Errors of files on a disk without room."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import disk_full

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def lacks_room(error: OSError) -> bool:
    """Check whether the error says that the disk, or one's part of it, is full."""
    return error.errno in _NO_ROOM


@contextmanager
def full_disk_refused() -> Iterator[None]:
    """Raise ResourceExhausted if a file inside lacks room.

    Open the file inside: closing it writes what is left, which fails again.
    """
    try:
        yield
    except OSError as error:
        if lacks_room(error):
            raise disk_full() from error
        raise

"""The end of a command that cannot start or go on."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import StartError


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Print a StartError or a full disk as one sentence and exit with 1."""
    try:
        yield
    except StartError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" for {error.filename}" if error.filename else ""
        print(f"There is no room left on the disk{where}: free some space.", file=sys.stderr)
        sys.exit(1)

"""The end of a command that cannot start or go on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from server.errors import StartError
from server.libraries.common.full_disk import lacks_room


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Print a StartError or a full disk as one sentence and exit with 1."""
    try:
        yield
    except StartError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if not lacks_room(error):
            raise
        where = f" for {error.filename}" if error.filename else ""
        print(f"There is no room left on the disk{where}: free some space.", file=sys.stderr)
        sys.exit(1)

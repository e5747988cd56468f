"""Output of `gymlocker up`: results on standard output, progress on standard error."""

import sys
from contextlib import suppress


def to_stdout(text: str) -> None:
    """Print without buffering, also into a pipe."""
    print(text, flush=True)


def to_stderr(line: str) -> None:
    """Print a line of progress."""
    # Ignore a closed pipe or a full disk, so that children are still stopped.
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)

"""The log, on standard error: one JSON object a line, or lines for people to read.

Neither holds anything about a person: who logs an event chooses what is in it.
"""

import json
import logging
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

# Made once: json.dumps makes one for each line, and each call is a line.
_ENCODER = json.JSONEncoder(default=repr)


class _Unfailing:
    """A stream that drops what it cannot write: a full disk must not fail a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(level: str, form: Literal["json", "console"] | None = None) -> None:
    """Sends structlog's events and those of the standard library from `level` on to stderr.

    Without a `form` it is for people at a terminal, and JSON everywhere else.
    """
    is_terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=is_terminal)
        if form == "console" or (form is None and is_terminal)
        else _json
    )
    common: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    stream = cast(TextIO, _Unfailing(sys.stderr))
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.processors.format_exc_info],
            processor=renderer,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def _json(_: Any, __: str, event: EventDict) -> str:
    return _ENCODER.encode(event)

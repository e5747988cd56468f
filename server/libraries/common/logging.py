"""The log, on standard error: one JSON object a line, or lines for people to read.

Neither holds anything about a person: who logs an event chooses what is in it.
"""

import asyncio
import atexit
import json
import logging
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor

BATCH_SECONDS = 0.05


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


class _Waiting:
    """Events that are not yet lines: what went well waits a moment, the rest is written at once.

    A call only notes what there is to say. To make a line of it, and to write it, costs far less
    for many at once: see docs/decisions/0012-fast.md. A process that is killed loses the lines of
    BATCH_SECONDS.
    """

    def __init__(self, stream: TextIO, render: Processor) -> None:
        self._stream = stream
        self._render = render
        self._events: list[EventDict] = []

    def info(self, **event: Any) -> None:
        self._note("info", event)
        if len(self._events) > 1:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write()
        else:
            loop.call_later(BATCH_SECONDS, self.write)

    def warning(self, **event: Any) -> None:
        self._note("warning", event)
        self.write()

    def error(self, **event: Any) -> None:
        self._note("error", event)
        self.write()

    def write(self) -> None:
        events, self._events = self._events, []
        self._stream.write("".join(self._line(event) + "\n" for event in events))
        self._stream.flush()

    def _note(self, level: str, event: EventDict) -> None:
        event["level"] = level
        event["timestamp"] = time.time()
        self._events.append(event)

    def _line(self, event: EventDict) -> str:
        event["timestamp"] = datetime.fromtimestamp(event["timestamp"], UTC)
        return str(self._render(None, event["level"], event))


def configure_logging(level: str, form: Literal["json", "console"] | None = None) -> None:
    """Sends structlog's events and those of the standard library from `level` on to stderr.

    Without a `form` it is for people at a terminal, and JSON everywhere else.
    """
    is_terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=is_terminal)
        if form == "console" or (form is None and is_terminal)
        else _json
    )
    stream = cast(TextIO, _Unfailing(sys.stderr))
    waiting = _Waiting(stream, renderer)
    atexit.register(waiting.write)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: waiting,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
            processor=renderer,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    logging.captureWarnings(True)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    """Leaves out what grpc says every day, at length: of a call that has its line here anyway.

    Of each header that is not UTF-8, with the whole of it; and, with a traceback, of each client
    that was gone before it had its reply.
    """
    return not str(record.msg).startswith(("Invalid encoding on", "ExecuteBatchError raised in"))


def _json(_: Any, __: str, event: EventDict) -> str:
    try:
        # Fast, for each call is a line.
        return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z).decode()
    except orjson.JSONEncodeError:
        # It refuses half a character, as names of files may have, and integers of over 64 bits.
        return json.dumps(event, default=str)

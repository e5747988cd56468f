"""Logging to standard error: one JSON object a line, or lines for people.

Events must not contain personal data: the code that logs an event chooses its fields.
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
    """A stream that drops output it cannot write: a full disk must not fail a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _BatchingLogger:
    """Collects info events for BATCH_SECONDS and writes them in one batch.

    Warnings and errors are written at once. Rendering and writing many events together is far
    cheaper: see docs/decisions/0012-fast.md. A killed process loses the last BATCH_SECONDS.
    """

    def __init__(self, stream: TextIO, render: Processor) -> None:
        self._stream = stream
        self._render = render
        self._events: list[EventDict] = []

    def info(self, **event: Any) -> None:
        self._add("info", event)
        if len(self._events) > 1:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write()
        else:
            loop.call_later(BATCH_SECONDS, self.write)

    def warning(self, **event: Any) -> None:
        self._add("warning", event)
        self.write()

    def error(self, **event: Any) -> None:
        self._add("error", event)
        self.write()

    def write(self) -> None:
        events, self._events = self._events, []
        self._stream.write("".join(self._line(event) + "\n" for event in events))
        self._stream.flush()

    def _add(self, level: str, event: EventDict) -> None:
        event["level"] = level
        event["timestamp"] = time.time()
        self._events.append(event)

    def _line(self, event: EventDict) -> str:
        event["timestamp"] = datetime.fromtimestamp(event["timestamp"], UTC)
        return str(self._render(None, event["level"], event))


def configure_logging(level: str, form: Literal["json", "console"] | None = None) -> None:
    """Write events of structlog and the standard library to stderr, from `level` upwards.

    Without a `form`, a terminal gets lines for people and everything else gets JSON.
    """
    is_terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=is_terminal)
        if form == "console" or (form is None and is_terminal)
        else _json
    )
    stream = cast(TextIO, _Unfailing(sys.stderr))
    logger = _BatchingLogger(stream, renderer)
    atexit.register(logger.write)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: logger,
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
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_relevant)


def _is_relevant(record: logging.LogRecord) -> bool:
    """Check whether a record of grpc is more than noise about a call that is logged anyway.

    grpc logs the whole of each header that is not UTF-8, and a traceback for each client that
    disconnects before its response.
    """
    return not str(record.msg).startswith(("Invalid encoding on", "ExecuteBatchError raised in"))


def _json(_: Any, __: str, event: EventDict) -> str:
    try:
        # Fast: each call writes a line.
        return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z).decode()
    except orjson.JSONEncodeError:
        # orjson rejects lone surrogates, as in file names, and integers of more than 64 bits.
        return json.dumps(event, default=str)

"""Hints between workers, and their encoding."""

import enum
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import structlog

from server.libraries.common.rate_limited_log import RateLimitedLog

# A topic and a user id.
HINT_BYTES = 17

_log = RateLimitedLog(structlog.get_logger("hints"))


class Topic(enum.IntEnum):
    """The kinds of changes. The numbers are sent to workers of other releases."""

    # Events of a user.
    EVENTS = 1
    # Follow secrets, the password, sessions or access keys of a user, or the user's existence.
    ACCESS = 2
    # The inbox of a user.
    INBOX = 3


class Hint(NamedTuple):
    """A sign that data of a user may have changed. The database says what it is now."""

    topic: Topic
    user_id: UUID


_TOPICS = {topic.value: topic for topic in Topic}


def encoded(hints: Iterable[Hint], max_bytes: int) -> Iterator[bytes]:
    """Yield messages of at most `max_bytes` with all hints."""
    most = max_bytes // HINT_BYTES
    message: list[bytes] = []
    for topic, user_id in hints:
        message.append(topic.to_bytes() + user_id.bytes)
        if len(message) == most:
            yield b"".join(message)
            message.clear()
    if message:
        yield b"".join(message)


def decoded(data: bytes) -> Iterator[Hint]:
    """Yield the hints of a message, without those of topics that only a newer release knows.

    A malformed message is logged and ignored, for other users of the database can send one.
    """
    if len(data) % HINT_BYTES:
        _log.warning("malformed_hints", size=len(data))
        return
    for start in range(0, len(data), HINT_BYTES):
        topic = _TOPICS.get(data[start])
        if topic is not None:
            yield Hint(topic, UUID(bytes=data[start + 1 : start + HINT_BYTES]))

"""What a look at something found."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it."""

    subject: str
    level: Level
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Level.OK, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """It works, but not as somebody will expect."""
    return Finding(subject, Level.WARNING, text, advice)


def fault(subject: str, text: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, Level.FAULT, text, advice)

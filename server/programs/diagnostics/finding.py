"""The results of checks."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """Severity of a finding, as printed."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """Result of one check: its subject, what was found, and advice."""

    subject: str
    level: Level
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(subject, Level.OK, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """Return a finding that works, though probably not as intended."""
    return Finding(subject, Level.WARNING, text, advice)


def fault(subject: str, text: str, advice: str) -> Finding:
    """Return a finding that does not work."""
    return Finding(subject, Level.FAULT, text, advice)

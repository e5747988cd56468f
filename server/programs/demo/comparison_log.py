"""Comparisons and their differences; the demo succeeds only if there are no differences."""

from typing import Any

from google.protobuf.message import Message

_SHOWN_CHARACTERS = 120


class ScenarioFailed(Exception):
    """A difference that later steps cannot work with. The log already contains it."""


class ComparisonLog:
    """The number of comparisons, and a description of each that failed."""

    def __init__(self) -> None:
        self.count = 0
        self.differences: list[str] = []

    def compare(self, subject: str, expected: object, actual: object) -> bool:
        """Compare two values; return whether their types and values are equal."""
        self.count += 1
        equal = type(expected) is type(actual) and expected == actual
        if not equal:
            self.differences.append(f"{subject}: {_difference(expected, actual)}")
        return equal

    def require(self, subject: str, expected: object, actual: object) -> None:
        """Compare two values; raise ScenarioFailed if they differ."""
        if not self.compare(subject, expected, actual):
            raise ScenarioFailed(subject)

    def add_failure(self, subject: str, cause: object) -> None:
        """Add a difference for something that could not be compared."""
        self.differences.append(f"{subject}: {cause}")


def _difference(expected: Any, actual: Any) -> str:
    if isinstance(expected, bytes) and isinstance(actual, bytes):
        return _difference_of_bytes(expected, actual)
    return f"expected {_shorten(expected)}, got {_shorten(actual)}"


def _difference_of_bytes(expected: bytes, actual: bytes) -> str:
    shorter = min(len(expected), len(actual))
    at = next((i for i in range(shorter) if expected[i] != actual[i]), shorter)
    wanted, found = (side[at : at + 8].hex() or "nothing" for side in (expected, actual))
    return (
        f"expected {len(expected):,} bytes, got {len(actual):,}; "
        f"at byte {at:,}: {wanted} became {found}"
    )


def _shorten(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = " ".join(str(value).split()) if isinstance(value, Message) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

"""What was compared, and what differed: the demo ends well only if nothing did."""

from typing import Any

from google.protobuf.message import Message

_SHOWN_CHARACTERS = 120


class ScenarioFailed(Exception):
    """Something differs that all further steps are built on. The ledger has it already."""


class ComparisonLog:
    """Counts comparisons and keeps a sentence about each that failed."""

    def __init__(self) -> None:
        self.count = 0
        self.differences: list[str] = []

    def same(self, what: str, expected: object, actual: object) -> bool:
        """Compares two things, bytes byte for byte, and says whether they are equal."""
        self.count += 1
        equal = type(expected) is type(actual) and expected == actual
        if not equal:
            self.differences.append(f"{what}: {_difference(expected, actual)}")
        return equal

    def must(self, what: str, expected: object, actual: object) -> None:
        """Compares, and raises StoryBroken when it makes no sense to go on."""
        if not self.same(what, expected, actual):
            raise ScenarioFailed(what)

    def failed(self, what: str, why: object) -> None:
        """Notes that something could not even be compared."""
        self.differences.append(f"{what}: {why}")


def _difference(expected: Any, actual: Any) -> str:
    if isinstance(expected, bytes) and isinstance(actual, bytes):
        return _difference_of_bytes(expected, actual)
    return f"expected {_shorten(expected)}, got {_shorten(actual)}"


def _difference_of_bytes(expected: bytes, actual: bytes) -> str:
    shorter = min(len(expected), len(actual))
    at = next((i for i in range(shorter) if expected[i] != actual[i]), shorter)
    was, became = (side[at : at + 8].hex() or "nothing" for side in (expected, actual))
    return (
        f"expected {len(expected):,} bytes, got {len(actual):,}; "
        f"from byte {at:,} on {was} became {became}"
    )


def _shorten(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    text = " ".join(str(value).split()) if isinstance(value, Message) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"

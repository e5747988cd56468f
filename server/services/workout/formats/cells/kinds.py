"""Kinds of sets in the words of other apps."""

from server.services.workout.formats.warnings import Warnings

_KINDS = {
    **dict.fromkeys(("", "normal", "working", "regular"), None),
    **dict.fromkeys(("w", "warmup", "warmupset"), "warmup"),
    **dict.fromkeys(("d", "drop", "dropset"), "drop"),
    **dict.fromkeys(("f", "failure", "failed", "tofailure", "failureset"), "failure"),
}


def is_known(word: str) -> bool:
    """Check whether a word names a kind."""
    return _spelling(word) in _KINDS


def kind_of(word: str, title: str, line: int, warnings: Warnings) -> str | None:
    """Return the kind that a word names; None, with a warning if it is unknown, for a normal set.

    `title` is that of its column.
    """
    if word in _KINDS:
        return _KINDS[word]
    spelling = _spelling(word)
    if spelling not in _KINDS:
        warnings.add(f"{title}: kinds of sets that are not known were left out", line)
    return _KINDS.get(spelling)


def _spelling(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())

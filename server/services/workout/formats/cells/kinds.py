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


def known_kind(word: str) -> str | None:
    """Return the kind that a word names; None for a normal set, or an unknown word."""
    return _KINDS.get(_spelling(word))


def warn_unknown(title: str, line: int, warnings: Warnings) -> None:
    """Warn about a word that is not known in the column `title`."""
    warnings.add(f"{title}: kinds of sets that are not known were left out", line)


def kind_of(word: str, title: str, line: int, warnings: Warnings) -> str | None:
    """Return the kind that a word names, with a warning if it is unknown."""
    if not is_known(word):
        warn_unknown(title, line, warnings)
    return known_kind(word)


def _spelling(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())

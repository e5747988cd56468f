"""Preconditions of changes: the header If-Match (RFC 9110, 13.1.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.errors import Aborted
from server.services.workout.model import StoredWorkout


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The etags of which a workout must have one; None accepts any."""

    etags: frozenset[str] | None = None

    def accepts(self, stored: StoredWorkout) -> bool:
        """Check whether the workout has one of the etags."""
        return self.etags is None or stored.digest.hex() in self.etags

    def require(self, stored: StoredWorkout) -> None:
        """Raise Aborted if the workout has none of the etags."""
        if not self.accepts(stored):
            raise Aborted(
                "The workout has changed since you read it. Read it again, and repeat the change.",
                reason="ETAG_MISMATCH",
            )


ANY = IfMatch()


def if_match(texts: Iterable[str]) -> IfMatch:
    """Return the precondition of a request: from its field, or from the lines of its header."""
    given = [text for text in texts if text.strip()]
    # Our etags have no commas, so a foreign one may be split. No regular expression reads the
    # header: it may have thousands of characters.
    etags = {_unquoted(part.strip()) for text in given for part in text.split(",")}
    return ANY if not given or "*" in etags else IfMatch(frozenset(etags))


def _unquoted(etag: str) -> str:
    """Return an etag as this server issues it: some clients quote it, and proxies make it weak."""
    etag = etag.removeprefix("W/")
    is_quoted = len(etag) > 1 and etag[0] == etag[-1] == '"'
    return etag[1:-1] if is_quoted else etag

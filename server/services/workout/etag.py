"""Preconditions of changes: the header If-Match (RFC 9110, 13.1.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from server.errors import Aborted
from server.services.workout.model import StoredWorkout

# The form of the etags that this server issues, quoted or not, weak or not. A compressing proxy
# makes etags weak.
_ETAG = re.compile(r'\s*(?:W/)?(?:"([^"]*)"|([^",\s]+))\s*(?:,|$)')


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
    etags = {quoted or plain for text in given for quoted, plain in _ETAG.findall(text)}
    return ANY if not given or "*" in etags else IfMatch(frozenset(etags))

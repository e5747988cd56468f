"""Usernames by RFC 8265, and what they are compared by.

New names are the RFC's UsernameCaseMapped: parts divided by single or several spaces, without
symbols, invisible characters or marks of direction, width folded. The RFC's lower case is folded
further ("Straße" is "STRASSE"), as names were compared before: so no new name is also an old one.
A name that was taken before may be none today. It is found by what it was compared by then.
"""

from dataclasses import dataclass

from precis_i18n import get_profile

from server.errors import InvalidArgument
from server.libraries.common.text import caseless, is_uuid

_USERNAME_PART = get_profile("UsernameCaseMapped")

NOT_A_USERNAME = (
    "username: must consist of letters and digits, ASCII punctuation, and spaces between them"
)
UUID_AS_USERNAME = "username: must not be a UUID"


@dataclass(frozen=True)
class Username:
    """A name that somebody may take: kept as `typed`, compared by `key`."""

    typed: str
    key: str

    @property
    def keys(self) -> list[str]:
        """The keys that nobody may have yet: of names taken now, and of names taken before."""
        return sorted({self.key, caseless(self.typed)})


def username_of(typed: str) -> Username:
    """Return a new username. Raises InvalidArgument for what is none."""
    key = _key(typed)
    if key is None:
        raise InvalidArgument(NOT_A_USERNAME, violations=[("username", NOT_A_USERNAME)])
    if is_uuid(typed) or is_uuid(key):
        # It would be taken for an id at the login.
        raise InvalidArgument(UUID_AS_USERNAME, violations=[("username", UUID_AS_USERNAME)])
    return Username(typed, key)


def login_keys(typed: str) -> list[str]:
    """Return the keys by which a name that is typed at the login may be found, the oldest first."""
    before, now = caseless(typed), _key(typed)
    return [before] if now in (None, before) else [before, now or before]


def _key(typed: str) -> str | None:
    try:
        parts = [_USERNAME_PART.enforce(part) if part else "" for part in typed.split(" ")]
    except UnicodeEncodeError:
        return None
    return caseless(" ".join(parts))

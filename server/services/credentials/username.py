"""Usernames by RFC 8265, and the keys that they are compared by.

New usernames follow the RFC's UsernameCaseMapped: parts separated by one or several spaces, without
symbols, invisible characters or direction marks, and with width folded. Keys are folded further
than the RFC's lower case ("Straße" equals "STRASSE"), as in earlier releases. Therefore no new
username equals an old one. An old username may not be valid today. It is found by its old key.
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


@dataclass(frozen=True, slots=True)
class Username:
    """A valid username, stored as `typed` and compared by `key`."""

    typed: str
    key: str

    @property
    def keys(self) -> list[str]:
        """Return the keys that must be free: those of new and of old usernames."""
        return sorted({self.key, caseless(self.typed)})


def parse_username(typed: str) -> Username:
    """Return a new username. Raise InvalidArgument if `typed` is not a valid one."""
    key = _key(typed)
    if key is None:
        raise InvalidArgument(NOT_A_USERNAME, violations=[("username", NOT_A_USERNAME)])
    if is_uuid(typed) or is_uuid(key):
        # At login it would be taken for an id.
        raise InvalidArgument(UUID_AS_USERNAME, violations=[("username", UUID_AS_USERNAME)])
    return Username(typed, key)


def login_keys(typed: str) -> list[str]:
    """Return the keys that find the user of a username typed at login, the oldest form first."""
    old, new = caseless(typed), _key(typed)
    return [old] if new is None or new == old else [old, new]


def _key(typed: str) -> str | None:
    try:
        parts = [_USERNAME_PART.enforce(part) if part else "" for part in typed.split(" ")]
    except UnicodeEncodeError:
        return None
    return caseless(" ".join(parts))

"""Rules for chosen passwords, and their normalization before hashing.

Passwords are normalized as OpaqueString of RFC 8265: to NFC, with every space an ASCII space. A
password typed on a Mac (NFD) therefore equals the one chosen on a phone (NFC).
"""

from functools import cache
from pathlib import Path

from precis_i18n import get_profile

from server.errors import InvalidArgument
from server.services.credentials.username import login_keys

MIN_LENGTH = 8
_COMMON = Path(__file__).with_name("common_passwords.txt")
_OPAQUE_STRING = get_profile("OpaqueString")


def normalized(password: str) -> str:
    """Return a password normalized, or unchanged if the RFC does not allow it.

    ASCII, as the passwords of the feed are, costs nothing.
    """
    if password.isascii():
        return password
    try:
        return str(_OPAQUE_STRING.enforce(password))
    except UnicodeEncodeError:
        return password


def acceptable_password(password: str, field: str, username: str | None) -> str:
    """Return a chosen password normalized.

    Raise InvalidArgument for `field` if the password is easy to guess or cannot be typed on other
    devices.
    """
    try:
        chosen = str(_OPAQUE_STRING.enforce(password))
    except UnicodeEncodeError:
        raise _invalid(
            field,
            "must not contain control or invisible characters, which not every device can type",
        ) from None
    if len(chosen) < MIN_LENGTH:
        raise _invalid(field, f"must have at least {MIN_LENGTH} characters")
    keys = set(login_keys(chosen))
    if username is not None and not keys.isdisjoint(login_keys(username)):
        raise _invalid(field, "must not be the username; choose another")
    if not keys.isdisjoint(common_passwords()):
        raise _invalid(
            field, "must not be one of the most common, which are guessed first; choose another"
        )
    return chosen


@cache
def common_passwords() -> frozenset[str]:
    """Return the most common passwords of at least MIN_LENGTH characters."""
    _, _, passwords = _COMMON.read_text().partition("\n\n")
    return frozenset(passwords.split())


def _invalid(field: str, problem: str) -> InvalidArgument:
    first, *others = field.split("_")
    message = f"{first}{''.join(map(str.title, others))}: {problem}"
    return InvalidArgument(message, violations=[(field, message)])

"""Passwords that people choose: which they may, and in which form they are hashed.

The form is OpaqueString of RFC 8265: NFC, and every space an ASCII one. So a password typed on a
Mac (NFD) is the one that was chosen on a phone (NFC).
"""

from functools import cache
from pathlib import Path

from precis_i18n import get_profile

from server.errors import InvalidArgument
from server.services.credentials.username import login_keys

MIN_LENGTH = 8
_COMMON = Path(__file__).with_name("common_passwords.txt")
_OPAQUE_STRING = get_profile("OpaqueString")


def prepared(password: str) -> str:
    """Return the form of a password that is compared; what the RFC does not allow stays as it is.

    It costs nothing for ASCII, which the passwords of the feed are.
    """
    if password.isascii():
        return password
    try:
        return str(_OPAQUE_STRING.enforce(password))
    except UnicodeEncodeError:
        return password


def new_password(password: str, field: str, username: str | None) -> str:
    """Return the form in which a chosen password is hashed.

    Raises InvalidArgument, blaming `field`, for one that others would guess or that the person
    could not type elsewhere.
    """
    try:
        chosen = str(_OPAQUE_STRING.enforce(password))
    except UnicodeEncodeError:
        raise _refused(
            field, "has control or invisible characters; choose one that can be typed anywhere"
        ) from None
    if len(chosen) < MIN_LENGTH:
        raise _refused(field, f"must have at least {MIN_LENGTH} characters")
    keys = set(login_keys(chosen))
    if username is not None and not keys.isdisjoint(login_keys(username)):
        raise _refused(field, "must not be the username; choose another")
    if not keys.isdisjoint(common_passwords()):
        raise _refused(field, "is among the commonest, which are guessed first; choose another")
    return chosen


@cache
def common_passwords() -> frozenset[str]:
    """Return the passwords that are guessed first: those of at least MIN_LENGTH characters."""
    _, _, passwords = _COMMON.read_text().partition("\n\n")
    return frozenset(passwords.split())


def _refused(field: str, problem: str) -> InvalidArgument:
    first, *others = field.split("_")
    message = f"{first}{''.join(map(str.title, others))}: {problem}"
    return InvalidArgument(message, violations=[(field, message)])

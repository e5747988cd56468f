"""Checks and comparisons of text in any language."""

import re
import unicodedata
from uuid import UUID

# uuid.UUID alone would also accept braces, a urn: prefix and hyphens anywhere.
_HYPHENATED = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PRINTABLE_ASCII = re.compile(r"[ -~]+")


def caseless(text: str) -> str:
    """Return the form of `text` to compare when case does not matter.

    This is the Unicode standard's canonical caseless matching (section 3.13, D145), so that every
    database compares alike.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def uuid_in(text: str) -> UUID | None:
    """Return the UUID that `text` is in hyphenated form, else None."""
    return UUID(text) if is_uuid(text) else None


def is_uuid(text: str) -> bool:
    """Check whether `text` is a UUID in hyphenated form."""
    return _HYPHENATED.fullmatch(text) is not None


def is_printable_ascii(text: str) -> bool:
    """Check whether `text` is not empty and fits into a header as it is."""
    return _PRINTABLE_ASCII.fullmatch(text) is not None

"""Text, as people type it in any language."""

import re
import unicodedata
from uuid import UUID

# uuid.UUID alone would also take braces, a urn: prefix and hyphens anywhere.
_HYPHENATED = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def caseless(text: str) -> str:
    """What `text` is compared by where case does not count.

    The Unicode standard's canonical caseless matching (section 3.13, D145), so that it is the same
    in every database.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def uuid_in(text: str) -> UUID | None:
    """The UUID that `text` is in its hyphenated form, None if it is something else."""
    return UUID(text) if is_uuid(text) else None


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its hyphenated form."""
    return _HYPHENATED.fullmatch(text) is not None

"""Text, as people type it in any language."""

import unicodedata


def caseless(text: str) -> str:
    """What `text` is compared by where case does not count.

    The Unicode standard's canonical caseless matching (section 3.13, D145), so that it is the same
    in every database.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())

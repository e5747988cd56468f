"""Escaping of the characters that have a meaning in the notation."""

import re
import sys

_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|(.)|$)", re.DOTALL)


def escape(text: str, special: str) -> str:
    """Return `text` on one line, with a backslash before backslashes and `special` characters."""
    return "".join(_escaped(char, special) for char in text)


def unescape(text: str) -> str:
    """Return the text that was escaped."""
    return _ESCAPE.sub(_unescaped, text)


def _escaped(char: str, special: str) -> str:
    if char == "\n":
        return "\\n"
    if char == "\\" or char in special:
        return f"\\{char}"
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


def _unescaped(found: re.Match[str]) -> str:
    if found[1] and (code := int(found[1], 16)) <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF:
        return chr(code)
    return "\n" if found[2] == "n" else found[2] or found[0]

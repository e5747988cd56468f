"""Reading the elements of a JSON array one at a time, so that a large file needs little memory.

Numbers are returned as texts, exactly as written.
"""

import codecs
import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from typing import BinaryIO

from server.services.workout.formats.model import UnreadableFile

# Above the largest workout with indentation and escapes.
MAX_ELEMENT_CHARACTERS = 8 * 1024 * 1024
# A value takes up to a hundred bytes of memory. The largest workout has 200,000, and twice as much
# as it takes may be read.
_MAX_VALUES = 500_000
_CHUNK_CHARACTERS = 64 * 1024
_SPACE = re.compile(r"[ \t\n\r]*")

Json = dict[str, "Json"] | list["Json"] | str | bool | None


class Malformed(Exception):
    """The rest of the file cannot be read. The message is a sentence."""


class JsonStream:
    """The values of a JSON file, decoded as they are asked for. `line` is the current one."""

    def __init__(self, file: BinaryIO) -> None:
        start = file.read(2)
        file.seek(-len(start), 1)
        utf_16 = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self._file = TextIOWrapper(file, "utf-16" if utf_16 else "utf-8-sig", newline="")
        self._decoder = json.JSONDecoder(
            parse_int=str, parse_float=str, parse_constant=str, strict=False
        )
        self._text = ""
        self._position = 0
        self._ended = False
        self.line = 1

    def close(self) -> None:
        """Leave the file open, which belongs to the caller."""
        self._file.detach()

    def elements(self) -> Iterator[tuple[int, Json]]:
        """Yield the elements of the array that comes next, and their lines. Raises Malformed."""
        self.take("[")
        if self.peek() != "]":
            yield self.line, self.value()
            while self.peek() == ",":
                self.take(",")
                self.peek()
                yield self.line, self.value()
        self.take("]")

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that comes next. Read the value of each before the next."""
        self.take("{")
        while self.peek() == '"':
            key = str(self.value())
            self.take(":")
            yield key
            if self.peek() != ",":
                break
            self.take(",")
        self.take("}")

    def value(self) -> Json:
        """Return the next value. Raises Malformed."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except (ValueError, RecursionError):
                if self._ended:
                    raise _malformed() from None
            else:
                # A number at the end may go on.
                if end < len(self._text) or self._ended:
                    self._advance(end)
                    return value  # type: ignore[no-any-return]
            # Twice as much each time, so that all attempts together take linear time.
            self._fill(max(_CHUNK_CHARACTERS, len(self._text) - self._position))
            self._require_small()

    def peek(self) -> str:
        """Return the next character that is not white space; "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._position)
            self._advance(match.end() if match else self._position)
            if self._position < len(self._text) or self._ended:
                return self._text[self._position : self._position + 1]
            self._fill(_CHUNK_CHARACTERS)

    def take(self, expected: str) -> None:
        """Skip a character. Raises Malformed if it is not the next one."""
        found = self.peek()
        if not found:
            raise Malformed("The file ends here, before its last bracket; it may be incomplete.")
        if found != expected:
            raise _malformed()
        self._advance(self._position + 1)

    def _require_small(self) -> None:
        """Raise Malformed if what is read of a value is more than a workout can have."""
        text = self._text
        values = text.count(",") + text.count("[") + text.count("{")
        if len(text) > 2 * MAX_ELEMENT_CHARACTERS or values > _MAX_VALUES:
            raise Malformed(
                "The workout that begins here is too large, or the file is not valid JSON; nothing "
                "after it was read."
            )

    def _advance(self, position: int) -> None:
        self.line += self._text.count("\n", self._position, position)
        self._position = position

    def _fill(self, characters: int) -> None:
        try:
            more = self._file.read(characters)
        except UnicodeError:
            raise UnreadableFile(
                "The file is neither UTF-8 nor UTF-16. Save it as UTF-8."
            ) from None
        self._text = self._text[self._position :] + more
        self._position = 0
        self._ended = not more


def _malformed() -> Malformed:
    return Malformed("The file is not valid JSON from here on; nothing after it was read.")

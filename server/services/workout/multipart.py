"""The first file of a form (multipart/form-data, RFC 7578), as browsers and `curl -F` send it."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.services.workout.formats.model import UnreadableFile

_MULTIPART = b"multipart/form-data"
# Many tiny parts would keep the event loop for seconds.
_MAX_PARTS = 100
# Over gRPC, it may be as long as a message.
_MAX_CONTENT_TYPE = 1000


class PlainBody:
    """A body that is the file itself."""

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the file in the next chunk of the body."""
        return data

    def finish(self) -> None:
        """Accept the end of the body."""


class FormBody(PlainBody):
    """A body that is a form. Its first file is read; all other parts are skipped."""

    def __init__(self, boundary: bytes) -> None:
        self._file = bytearray()
        self._name = bytearray()
        self._value = bytearray()
        # Of the current part, and of any part before it.
        self._is_file = self._found = self._ended = False
        self._parts = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_to_name,
                "on_header_value": self._add_to_value,
                "on_header_end": self._end_header,
                "on_part_data": self._add_data,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the file in the next chunk. Raises UnreadableFile."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise UnreadableFile(
                f"The form cannot be read ({error}). Send the file alone."
            ) from None
        found = bytes(self._file)
        self._file.clear()
        return found

    def finish(self) -> None:
        """Raise UnreadableFile if the form has no file or no end."""
        if not self._found:
            raise UnreadableFile("The form has no file. Send one: curl -F file=@workouts.csv")
        if not self._ended:
            raise UnreadableFile("The form has no end. Send it again.")

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise UnreadableFile(f"The form has more than {_MAX_PARTS} parts. Send the file alone.")
        self._is_file = False

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition" and not self._found:
            _, options = parse_options_header(bytes(self._value))
            self._is_file = self._found = b"filename" in options
        self._name.clear()
        self._value.clear()

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._file += data[start:end]

    def _end(self) -> None:
        self._ended = True


def body_of(content_type: str) -> PlainBody:
    """Return the reader of a body with this content type. Raises UnreadableFile."""
    if len(content_type) > _MAX_CONTENT_TYPE:
        raise UnreadableFile("The content type is too long. Send the file alone.")
    # The library accepts Latin-1 only, as in HTTP headers.
    header = content_type.encode("latin-1", errors="replace").decode("latin-1")
    kind, options = parse_options_header(header)
    if kind != _MULTIPART:
        return PlainBody()
    boundary = options.get(b"boundary")
    if not boundary:
        raise UnreadableFile("The form names no boundary. Send the file alone.")
    return FormBody(boundary)

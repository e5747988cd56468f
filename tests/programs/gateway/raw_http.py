"""HTTP/1.1 from raw bytes, for requests that no client library sends."""

import io
import json
import socket
from dataclasses import dataclass
from email.parser import BytesParser
from typing import Any

TIMEOUT = 10


@dataclass(frozen=True)
class RawResponse:
    """A response with its headers by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.body)


def exchange(port: int, sent: bytes) -> list[RawResponse]:
    """Send bytes on a new connection, and return all responses until the server closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(sent)
        stream = io.BytesIO(connection.makefile("rb").read())
    responses = []
    while status_line := stream.readline():
        lines = list(iter(stream.readline, b"\r\n"))
        headers = {
            name.lower(): value for name, value in BytesParser().parsebytes(b"".join(lines)).items()
        }
        body = stream.read(int(headers.get("content-length", 0)))
        responses.append(RawResponse(int(status_line.split()[1]), headers, body))
    return responses

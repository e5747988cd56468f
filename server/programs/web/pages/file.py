"""A file as it is served: from memory, packed for who can unpack it, and only if it is news."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import Response

from server.programs.web.pages.headers import Headers

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class File:
    """A file by its `name`, whose ending is one of `MEDIA_TYPES`, and what goes with it."""

    name: str
    content: bytes
    headers: Headers

    @cached_property
    def digest(self) -> str:
        """What tells this content from any other."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def _is_page(self) -> bool:
        # Too small to gain by it; and what looks for TLS that leaks (BREACH) asks no further.
        return self.name.endswith(".html")

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    # No coroutine, so that Starlette runs it in a thread: packing takes a while, the first time.
    def respond(self, request: Request) -> Response:
        """Answers GET and HEAD."""
        pack = not self._is_page and "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{self.digest}-gzip"' if pack else f'"{self.digest}"'
        headers = {**self.headers, "etag": etag, "vary": "accept-encoding"}
        if _has(request, etag):
            return Response(status_code=304, headers=headers)
        if pack:
            headers["content-encoding"] = "gzip"
        media_type = MEDIA_TYPES[PurePath(self.name).suffix]
        return Response(
            self._packed if pack else self.content, headers=headers, media_type=media_type
        )


def _has(request: Request, etag: str) -> bool:
    """Whether the caller has just that already."""
    known = request.headers.get("if-none-match", "").split(",")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in known)

"""Files of the pages, with gzip compression and ETags."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

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
    """A file with its response headers. Its `name` has one of the suffixes in `MEDIA_TYPES`.

    `source` is its content, or the path from which each response reads it: the largest files take
    3 MiB and are rarely requested.
    """

    name: str
    source: bytes | Path
    headers: Headers

    @property
    def content(self) -> bytes:
        """The content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @cached_property
    def digest(self) -> str:
        """A digest of the content."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def _is_page(self) -> bool:
        # Pages are too small to gain from compression, and scanners for BREACH warn about it.
        return self.name.endswith(".html")

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    # Not a coroutine: Starlette runs it in a thread, since it reads a file, and compresses it first.
    def respond(self, request: Request) -> Response:
        """Answer GET and HEAD."""
        gzipped = not self._is_page and "gzip" in request.headers.get("accept-encoding", "")
        etag = f'"{self.digest}-gzip"' if gzipped else f'"{self.digest}"'
        headers = {**self.headers, "etag": etag, "vary": "accept-encoding"}
        if _is_cached(request, etag):
            return Response(status_code=304, headers=headers)
        if gzipped:
            headers["content-encoding"] = "gzip"
        media_type = MEDIA_TYPES[PurePath(self.name).suffix]
        return Response(
            self._compressed if gzipped else self.content, headers=headers, media_type=media_type
        )


def _is_cached(request: Request, etag: str) -> bool:
    """Check whether the client already has the content of this ETag."""
    known = request.headers.get("if-none-match", "").split(",")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in known)

"""Headers of a download, in the request and in the response."""

import re

from server.libraries.network.grpc_protocol import (
    HTTP_STATUS_KEY,
    ORIGINAL_METHOD_KEY,
    ORIGINAL_PATH_KEY,
    RESPONSE_LENGTH_KEY,
)
from server.libraries.rpc.context import values_of
from server.services.backup.model import Backup

NOT_MODIFIED = "304"
# An entity tag of RFC 9110, weak or strong. GET compares weakly.
_TAG = re.compile(r'\s*(?:W/)?("[^"]*")\s*')


def headers_of(backup: Backup) -> tuple[tuple[str, str], ...]:
    """Return the headers of the response to this call."""
    etag = ("etag", _etag(backup))
    if is_known(backup):
        return (etag, (HTTP_STATUS_KEY, NOT_MODIFIED))
    name = backup.created.strftime("%Y-%m-%dT%H%M%SZ.liftlogbackup.gz")
    return (
        etag,
        ("content-disposition", f'attachment; filename="{name}"'),
        (RESPONSE_LENGTH_KEY, str(backup.contents.size)),
    )


def is_known(backup: Backup) -> bool:
    """Check whether the client of a REST call has the backup, by its If-None-Match."""
    if not values_of(ORIGINAL_PATH_KEY):
        return False
    tags = [tag.strip() for value in values_of("if-none-match") for tag in value.split(",")]
    return "*" in tags or any(
        match[1] == _etag(backup) for match in map(_TAG.fullmatch, tags) if match
    )


def is_head() -> bool:
    """Check whether a REST call asks for the headers alone."""
    return values_of(ORIGINAL_METHOD_KEY) == ["HEAD"]


def _etag(backup: Backup) -> str:
    return f'"{backup.contents.sha256.hex()}"'

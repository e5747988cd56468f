"""Access keys: their form, scopes and hash."""

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.errors import PermissionDenied, Unauthenticated
from server.libraries.common import base64url

PREFIX = "glk_"
KEY_BYTES = 32
_BEARER = re.compile(rf"bearer +({PREFIX}\S*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A stored access key, without the key itself."""

    id: UUID
    name: str
    scopes: Collection[str]
    created: datetime
    expiry: datetime | None = None
    last_used: datetime | None = None


def new_key() -> str:
    """Return a random key: `glk_` and 43 characters."""
    return PREFIX + base64url.encode(secrets.token_bytes(KEY_BYTES))


def hash_of(key: str) -> bytes:
    """Return the stored hash. The key is random, so one round of a fast hash is enough."""
    return hashlib.sha256(key.encode()).digest()


def bearer_key(authorization: str) -> str | None:
    """Return the access key in an `authorization` header, None if it has none."""
    match = _BEARER.fullmatch(authorization.strip())
    return match[1] if match else None


def scope_missing(scopes: Iterable[str]) -> PermissionDenied:
    """Return the error for an access key that has none of `scopes`, which allow the call."""
    named = sorted(scopes)
    if not named:
        return PermissionDenied(
            "Access keys do not allow this call. Log in, and send the access token.",
            reason="SCOPE_MISSING",
        )
    return PermissionDenied(
        f"The access key lacks the scope {' or '.join(named)}. Create a key that has it.",
        reason="SCOPE_MISSING",
        metadata={"scopes": ",".join(named)},
    )


def invalid_key() -> Unauthenticated:
    """Return the error for an API key or access key that is not valid."""
    return Unauthenticated("The API key is not valid.", reason="INVALID_API_KEY")

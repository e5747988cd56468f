"""Refresh tokens: a family, shared by all tokens of a session, and a secret.

The successor of a token is derived from it with a random key, which is created when the token is
first spent and stored with its hash. Therefore a repeated request returns the same successor, and
neither the database alone nor an old token alone yields one. The family distinguishes old tokens of
a session from unknown ones, so that old tokens need not be stored.
See docs/decisions/0006-sessions-behind-access-tokens.md.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

FAMILY_BYTES = 16
SECRET_BYTES = 32
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class RotatingToken:
    """A refresh token as the client has it: `<family>.<secret>`, formerly a secret alone."""

    text: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return the first token of a session."""
        return cls(f"{secrets.token_urlsafe(FAMILY_BYTES)}.{secrets.token_urlsafe(SECRET_BYTES)}")

    @property
    def hash(self) -> bytes:
        """Return the stored hash. The token is random, so one round of a fast hash is enough."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def family_hash(self) -> bytes | None:
        """Return the stored hash of the family, None for a token without one."""
        return hashlib.sha256(self._family.encode()).digest() if self._family else None

    def successor(self, key: bytes) -> Self:
        """Return the next token, which is always the same for the same key."""
        family = self._family or _encoded(self._derived(key, "family")[:FAMILY_BYTES])
        return type(self)(f"{family}.{_encoded(self._derived(key, 'secret'))}")

    @property
    def _family(self) -> str:
        family, dot, _ = self.text.partition(".")
        return family if dot else ""

    def _derived(self, key: bytes, purpose: str) -> bytes:
        return hmac.digest(key, f"{purpose}:{self.text}".encode(), "sha256")


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

"""The right to create users and accounts, which the setting REGISTRATION limits."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, Protocol, TypeAlias

from pydantic import SecretStr

from server.errors import PermissionDenied
from server.libraries.common import base64url
from server.services.credentials.wrong_keys import WrongKeys

Mode: TypeAlias = Literal["open", "key", "closed"]

INVITATION_BYTES = 16
INVITATION_LIFETIME = timedelta(days=7)
# Keys of one call that are considered, beside its invite code.
MAX_KEYS = 2


class Invitations(Protocol):
    """Store of invitations."""

    async def is_valid(self, code_hash: bytes) -> bool:
        """Check whether there is an unused invitation with this hash."""


class Registration:
    """Judge of callers who want to create a user."""

    def __init__(
        self, mode: Mode, key: SecretStr | None, invitations: Invitations, wrong: WrongKeys
    ) -> None:
        self._mode = mode
        self._key = key.get_secret_value().encode() if key else None
        self._invitations = invitations
        self._wrong = wrong

    async def admit(self, api_keys: Sequence[str], invite_code: str, address: str) -> bytes | None:
        """Return the hash of the invitation to use up, None if none is needed.

        Raise PermissionDenied for a caller without a right, ResourceExhausted after too many wrong
        keys from the address.
        """
        if self._mode == "open":
            return None
        if self._mode == "closed":
            raise PermissionDenied(
                "This server accepts no new users. Ask its operator for an account.",
                reason="REGISTRATION_CLOSED",
            )
        codes = [*api_keys[:MAX_KEYS], *([invite_code] if invite_code else [])]
        if any(self._is_key(code) for code in codes):
            return None
        for code in codes:
            if await self._invitations.is_valid(code_hash(code)):
                return code_hash(code)
        await self._wrong.count(address, len(codes))
        raise registration_key_required()

    def _is_key(self, code: str) -> bool:
        return self._key is not None and hmac.compare_digest(code.encode(), self._key)


def new_invitation() -> str:
    """Return the code of an invitation, 128 random bits."""
    return base64url.encode(secrets.token_bytes(INVITATION_BYTES))


def code_hash(code: str) -> bytes:
    """Return the stored hash. The code is random, so one round of a fast hash is enough."""
    return hashlib.sha256(code.encode()).digest()


def registration_key_required() -> PermissionDenied:
    """Return the error for a caller without the registration key or a valid invitation."""
    return PermissionDenied(
        "This server creates users only with its key or an unused invitation, as `X-API-Key` or "
        "`inviteCode`. Ask its operator for one.",
        reason="REGISTRATION_KEY_REQUIRED",
    )

"""Sessions of the contenders: tokens like Gymlocker's, signed with a random key."""

import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from server.libraries.rpc.context import Caller
from server.libraries.settings import TokenSettings
from server.services.auth.refresh_token import RotatingToken
from server.services.auth.signing_keys import load_keys
from server.services.auth.tokens import AccessTokens

SETTINGS = TokenSettings.model_validate({"jwt_secret_key": secrets.token_hex(32)})
LIFETIME = timedelta(days=SETTINGS.refresh_token_expire_days)
_ACCESS_TOKENS = AccessTokens(
    load_keys(SETTINGS),
    issuer=SETTINGS.jwt_issuer,
    audience=SETTINGS.jwt_audience,
    lifetime_seconds=round(SETTINGS.access_token_expire_minutes * 60),
)


class Session(NamedTuple):
    """A new session: the stored hashes, and the tokens for the client."""

    id: UUID
    refresh_hash: bytes
    family_hash: bytes | None
    access_token: str
    expires_in: int
    refresh_token: str


def new_session(user_id: UUID) -> Session:
    """Return a new session of the user."""
    session_id, refresh_token = uuid4(), RotatingToken.new()
    return Session(
        session_id,
        refresh_token.hash,
        refresh_token.family_hash,
        _ACCESS_TOKENS.issue(Caller(user_id, session_id, generation=1)),
        _ACCESS_TOKENS.lifetime_seconds,
        refresh_token.text,
    )

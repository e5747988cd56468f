"""Access tokens: short-lived JWTs (RFC 9068) that identify the caller and the session.

Claims: `iss`, `aud`, `sub` (the user's id), `sid` (the session's id), `iat`, `nbf`, `exp`, `jti`,
and `gen`, the generation of the refresh token that it was issued with.
"""

import base64
import time
from typing import Any
from uuid import UUID, uuid4

import jwt

from server.errors import Unauthenticated, invalid_token
from server.libraries.rpc.context import Caller
from server.services.auth.signing_keys import SigningKeys

TYPE = "at+jwt"
CLAIMS = ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"]
MAX_LENGTH = 4096
# The clock of the worker that issued a token may be ahead.
CLOCK_SKEW_SECONDS = 30


class AccessTokens:
    """Issuer and verifier of access tokens."""

    def __init__(
        self, keys: SigningKeys, *, issuer: str, audience: str, lifetime_seconds: int
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self.lifetime_seconds = lifetime_seconds

    def issue(self, caller: Caller) -> str:
        """Return a token of the caller's session, valid for `lifetime_seconds` from now on."""
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(caller.user_id),
            "sid": str(caller.session_id),
            "gen": caller.generation,
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime_seconds,
            "jti": str(uuid4()),
        }
        headers = {"typ": TYPE, "kid": self._keys.signing_id}
        return jwt.encode(claims, self._keys.signing, self._keys.algorithm, headers)

    def verify(self, token: str) -> Caller:
        """Return the caller that `token` was issued to.

        Raise Unauthenticated if this server did not issue it or it is not valid at this time.
        """
        try:
            claims = self._claims(token)
            caller = Caller(UUID(claims["sub"]), UUID(claims["sid"]), claims.get("gen", 0))
        # A header may be nested deeper than Python's recursion limit.
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise invalid_token() from None
        if claims["exp"] <= time.time():
            raise Unauthenticated(
                "The access token has expired. Get another one with the refresh token.",
                reason="ACCESS_TOKEN_EXPIRED",
            )
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_LENGTH or not _is_canonical(token):
            raise jwt.InvalidTokenError
        header = jwt.get_unverified_header(token)
        key = self._keys.verifying.get(header.get("kid", ""))
        if key is None or header.get("typ") != TYPE:
            raise jwt.InvalidTokenError
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[self._keys.algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=CLOCK_SKEW_SECONDS,
            # `verify` checks the expiry itself, without leeway.
            options={"require": CLAIMS, "strict_aud": True, "verify_exp": False},
        )
        # Releases before `gen` issued tokens without it. They stay valid and count as 0.
        types = (type(claims["sid"]), type(claims["exp"]), type(claims.get("gen", 0)))
        if types != (str, int, int):
            raise jwt.InvalidTokenError
        return claims


def _is_canonical(token: str) -> bool:
    """Check whether the signature has the only form that an encoder writes.

    The last character of base64 has bits that decoders ignore. Without this check, each token would
    have variants that are valid as well.
    """
    signature = token.rpartition(".")[2].encode()
    decoded = base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    return base64.urlsafe_b64encode(decoded).rstrip(b"=") == signature

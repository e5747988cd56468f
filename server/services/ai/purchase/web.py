"""Verifier of Web tokens: one key, which the users of our web app share."""

import hmac

from pydantic import SecretStr


class WebVerifier:
    """Verifier of the key WEB_AUTH_API_KEY."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    async def verify(self, token: str) -> bool:
        """Check whether `token` is the key, in constant time."""
        return hmac.compare_digest(token.encode(), self._key.get_secret_value().encode())

"""API keys that requests carry as `X-API-Key`; for now only the shared one, `API_KEY`.

A valid key is always accepted, so that a device with an outdated key cannot lock out others at the
same address. Invalid keys count towards the limit of their address, as wrong passwords do.
"""

import hmac
from typing import NoReturn

from pydantic import SecretStr

from server.errors import ResourceExhausted, Unauthenticated
from server.libraries.limits.rate import rate_exceeded
from server.services.credentials.guess_throttle import SecretLimit

_too_many = rate_exceeded("Too many wrong API keys.", reason="TOO_MANY_API_KEYS")


class ApiKeys:
    """Verifier of API keys."""

    def __init__(self, shared: SecretStr | None, limit: SecretLimit) -> None:
        self._shared = shared.get_secret_value().encode() if shared else None
        self._limit = limit

    async def is_good(self, key: str) -> bool:
        """Check a key in constant time, so that timing reveals nothing about the valid one."""
        return self._shared is not None and hmac.compare_digest(key.encode(), self._shared)

    async def refuse(self, address: str, count: int) -> NoReturn:
        """Count `count` invalid keys and raise Unauthenticated.

        Raise ResourceExhausted instead if the address had reached its limit before.
        """
        try:
            await self._limit.check(None, address)
        except ResourceExhausted as error:
            raise _too_many(error.retry_after) from None
        for _ in range(count):
            await self._limit.failed(None, address)
        raise Unauthenticated("The API key is not valid.", reason="INVALID_API_KEY")

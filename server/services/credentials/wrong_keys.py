"""Limit of wrong API keys and invitations, which count towards the limit of their address."""

from server.errors import ResourceExhausted
from server.libraries.limits.rate import rate_exceeded
from server.services.credentials.guess_throttle import SecretLimit

_too_many = rate_exceeded("Too many wrong API keys.", reason="TOO_MANY_API_KEYS")


class WrongKeys:
    """Counter of wrong keys."""

    def __init__(self, limit: SecretLimit) -> None:
        self._limit = limit

    async def count(self, address: str, count: int) -> None:
        """Count wrong keys; raise ResourceExhausted if the address had reached its limit before."""
        if not count:
            return
        try:
            await self._limit.check(None, address)
        except ResourceExhausted as error:
            raise _too_many(error.retry_after) from None
        for _ in range(count):
            await self._limit.failed(None, address)

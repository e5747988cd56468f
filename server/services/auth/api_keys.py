"""Keys of this server, which calls carry as `X-API-Key`: today the shared one, `API_KEY`.

A right key always passes, so that a device with a stale one cannot lock others out who share its
address. Wrong ones are counted for their address, as wrong passwords are.
"""

import hmac
from typing import NoReturn, Protocol

from pydantic import SecretStr

from server.errors import ResourceExhausted, Unauthenticated


class Limit(Protocol):
    """Counts wrong keys of an address."""

    async def check(self, account: None, address: str) -> None:
        """Raise ResourceExhausted if there were too many."""

    async def failed(self, account: None, address: str) -> object:
        """Count one."""


class ApiKeys:
    """Checks keys."""

    def __init__(self, shared: SecretStr | None, limit: Limit) -> None:
        self._shared = shared.get_secret_value().encode() if shared else None
        self._limit = limit

    async def is_good(self, key: str) -> bool:
        """Check a key, in a time that says nothing about the right one."""
        return self._shared is not None and hmac.compare_digest(key.encode(), self._shared)

    async def refuse(self, address: str, count: int) -> NoReturn:
        """Count `count` wrong keys and raise Unauthenticated.

        Raises ResourceExhausted instead if there were too many before.
        """
        try:
            await self._limit.check(None, address)
        except ResourceExhausted as error:
            raise _too_many(error.retry_after) from None
        for _ in range(count):
            await self._limit.failed(None, address)
        raise Unauthenticated("The API key is not valid.", reason="INVALID_API_KEY")


def _too_many(retry_after: int) -> ResourceExhausted:
    return ResourceExhausted(
        f"Too many wrong API keys. Try again in {retry_after} s.",
        reason="TOO_MANY_API_KEYS",
        retry_after=retry_after,
    )

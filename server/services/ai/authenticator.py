"""Authenticator of the planner's callers, by an API key or a purchase token."""

from collections.abc import Sequence
from typing import NoReturn, Protocol

from server.errors import Unauthenticated
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Purchase, Store, purchase_of

# One from the header, and one from a hub's `access_token`.
MAX_KEYS = 2


class Keys(Protocol):
    """API keys of this server."""

    async def is_good(self, key: str) -> bool:
        """Check a key."""

    async def refuse(self, address: str, count: int) -> NoReturn:
        """Count wrong keys. Raise Unauthenticated, or ResourceExhausted for too many."""


class PlannerAuthenticator:
    """Authenticator of callers. An API key counts as a purchase of the Web store."""

    def __init__(self, keys: Keys, purchases: PurchaseAuthenticator) -> None:
        self._keys = keys
        self._purchases = purchases

    async def authenticate(self, keys: Sequence[str], header: str | None, address: str) -> Purchase:
        """Return the purchase for the first valid key, or else for the `authorization` header.

        An invalid key beside a valid header is not counted. Raises Unauthenticated if neither is
        valid, ResourceExhausted for too many wrong ones from the address, and Unavailable if the
        store gave no answer.
        """
        keys = keys[:MAX_KEYS]
        for key in keys:
            if await self._keys.is_good(key):
                return purchase_of(Store.WEB, key)
        if not keys:
            return await self._purchases.authenticate(header, address)
        try:
            return await self._purchases.authenticate(header, address)
        except Unauthenticated:
            await self._keys.refuse(address, len(keys))

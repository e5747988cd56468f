"""Callers of the planner: holders of a key of this server, and buyers."""

from collections.abc import Sequence
from typing import NoReturn, Protocol

from server.errors import Unauthenticated
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Purchase, Store, purchase_of

# One of the header, and one that a hub was given as its `access_token`.
MAX_KEYS = 2


class Keys(Protocol):
    """Knows the keys of this server."""

    async def is_good(self, key: str) -> bool:
        """Check a key."""

    async def refuse(self, address: str, count: int) -> NoReturn:
        """Count wrong keys. Raise Unauthenticated, or ResourceExhausted for too many."""


class PlannerAuthenticator:
    """Authenticates callers of the planner. A holder of a key has what a buyer of Web has."""

    def __init__(self, keys: Keys, purchases: PurchaseAuthenticator) -> None:
        self._keys = keys
        self._purchases = purchases

    async def authenticate(self, keys: Sequence[str], header: str | None, address: str) -> Purchase:
        """Return what the first good key stands for, else what the `authorization` header does.

        A key that is no good beside a header that is, is not counted. Raises Unauthenticated if
        neither is, ResourceExhausted if too many wrong ones came from that address, Unavailable
        if the store did not say.
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

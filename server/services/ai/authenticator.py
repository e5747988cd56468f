"""Authenticator of the planner's callers, by an API key or a purchase token."""

from collections.abc import Sequence
from typing import Protocol

from gymlocker.v2.options_pb2 import Authentication

from server.errors import Unauthenticated
from server.libraries.rpc.authentication import Credentials
from server.services.ai.purchase.authenticator import PurchaseAuthenticator
from server.services.ai.purchase.model import Purchase, Store, purchase_of
from server.services.auth.access_keys import bearer_key, invalid_key
from server.services.auth.api_keys import GoodKey


class Keys(Protocol):
    """API keys of this server, and access keys of its users."""

    async def find(self, keys: Sequence[str], rule: Authentication) -> GoodKey | None:
        """Return the first valid key. Raise PermissionDenied if it does not allow the call."""

    async def count_wrong(self, keys: Sequence[str], address: str) -> None:
        """Count wrong keys. Raise ResourceExhausted for too many."""


class PlannerAuthenticator:
    """Authenticator of callers. An API key counts as a purchase of the Web store."""

    def __init__(self, keys: Keys, purchases: PurchaseAuthenticator) -> None:
        self._keys = keys
        self._purchases = purchases

    async def authenticate(self, rule: Authentication, sent: Credentials, address: str) -> Purchase:
        """Return the purchase for the first valid key, or else for the `authorization` header.

        An invalid key beside a valid header is not counted. Raises Unauthenticated if neither is
        valid, PermissionDenied for a key without the scope, ResourceExhausted for too many wrong
        ones from the address, and Unavailable if the store gave no answer.
        """
        # Several headers are joined as in HTTP, which makes them invalid.
        header = ", ".join(sent.authorization) or None
        key = bearer_key(header) if header else None
        keys = [*sent.api_keys, key] if key else sent.api_keys
        if keys and (found := await self._keys.find(keys, rule)):
            return purchase_of(Store.WEB, found.text)
        try:
            if key:
                raise invalid_key()
            return await self._purchases.authenticate(header, address)
        except Unauthenticated:
            if not keys:
                raise
            await self._keys.count_wrong(keys, address)
            raise invalid_key() from None

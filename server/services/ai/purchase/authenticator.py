"""Authenticator of purchase tokens that caches the stores' results.

Results are cached under the hash of the token: a valid one for minutes, an invalid one for seconds,
because a purchase may be completed a moment later. A failure of the store is not a result. It is
not cached, and neither grants nor refuses anything.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping

import structlog
from cachetools import TTLCache

from server.errors import GymlockerError, Unauthenticated
from server.libraries.common.single_flight import SingleFlight
from server.libraries.network.client_network import network_of
from server.services.ai.purchase.model import (
    Purchase,
    Store,
    Verifier,
    parse_credentials,
    purchase_of,
    store_unavailable,
)
from server.services.credentials.guess_throttle import SecretLimit

# More than the longest receipt of any store.
MAX_LENGTH = 16 * 1024
GRANTED_SECONDS = 300
REFUSED_SECONDS = 20
MAX_CACHED = 100_000
# Checks in flight at one store. A store that hangs does not block the others.
MAX_CONCURRENT = 20
MAX_PER_NETWORK = 10
TIMEOUT_SECONDS = 10.0

_log = structlog.get_logger("purchase")


class PurchaseAuthenticator:
    """Authenticator of purchase tokens. Tokens of a store without a verifier are refused."""

    def __init__(
        self,
        verifiers: Mapping[Store, Verifier],
        limit: SecretLimit,
        *,
        clock: Callable[[], float] = time.monotonic,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._verifiers = verifiers
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        # Two caches, so that made-up tokens cannot evict the buyers.
        self._granted: TTLCache[Purchase, None] = TTLCache(MAX_CACHED, GRANTED_SECONDS, clock)
        self._refused: TTLCache[Purchase, None] = TTLCache(MAX_CACHED, REFUSED_SECONDS, clock)
        self._in_flight: SingleFlight[Purchase, Store, bool] = SingleFlight(
            MAX_CONCURRENT, max_per_caller=MAX_PER_NETWORK
        )

    async def authenticate(self, header: str | None, address: str) -> Purchase:
        """Return the purchase that an `authorization` header stands for.

        Raises Unauthenticated if it is invalid, ResourceExhausted for too many wrong ones from the
        address, and Unavailable if the store gave no answer.
        """
        if header is None or not header.strip():
            raise Unauthenticated(
                "The call needs `authorization: Bearer <Store> <purchase token>` or `x-api-key`.",
                reason="PURCHASE_TOKEN_MISSING",
            )
        credentials = parse_credentials(header)
        if credentials is None:
            raise _invalid()
        store, token = credentials
        if store not in self._verifiers or len(token) > MAX_LENGTH:
            raise _invalid()
        purchase = purchase_of(store, token)
        if not await self._is_valid(purchase, token, address):
            raise _invalid()
        return purchase

    async def _is_valid(self, purchase: Purchase, token: str, address: str) -> bool:
        if purchase in self._granted:
            return True
        if purchase in self._refused:
            return False
        await self._limit.check(None, address)
        return await self._in_flight.run(
            purchase,
            purchase.store,
            lambda: self._check(purchase, token, address),
            lambda: _too_many(purchase),
            caller=network_of(address),
        )

    async def _check(self, purchase: Purchase, token: str, address: str) -> bool:
        is_valid = await self._ask_store(purchase, token)
        if not is_valid:
            await self._limit.failed(None, address)
        return is_valid

    async def _ask_store(self, purchase: Purchase, token: str) -> bool:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                is_valid = await self._verifiers[purchase.store].verify(token)
        except GymlockerError:
            raise
        except TimeoutError:
            _log.warning("store_unavailable", store=purchase.store.value, why="timeout")
            raise store_unavailable() from None
        except Exception as error:
            # Without its text, which may quote the token.
            _log.error(
                "unhandled_exception",
                store=purchase.store.value,
                error=type(error).__name__,
                at="".join(traceback.format_tb(error.__traceback__)),
            )
            raise store_unavailable() from None
        (self._granted if is_valid else self._refused)[purchase] = None
        return is_valid


def _too_many(purchase: Purchase) -> GymlockerError:
    _log.warning("store_overloaded", store=purchase.store.value)
    return store_unavailable()


def _invalid() -> Unauthenticated:
    # One text for all errors: the details would only help somebody who makes tokens up.
    return Unauthenticated("The purchase token is not valid.", reason="INVALID_PURCHASE_TOKEN")

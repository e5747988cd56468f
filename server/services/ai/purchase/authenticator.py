"""Knows whether a call comes from a buyer, and asks the store no oftener than it must.

What a store said is remembered under the hash of the token, a yes for minutes and a no for seconds:
a purchase that is being made may be there a moment later. That a store did not answer is not an
answer: it is remembered by nobody, grants nothing and refuses nothing.
"""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from cachetools import TTLCache

from server.errors import GymlockerError, Unauthenticated
from server.libraries.common.single_flight import SingleFlight
from server.libraries.network.client_network import network_of
from server.services.ai.purchase.model import (
    Purchase,
    Store,
    Verifier,
    credentials_in,
    purchase_of,
    store_unavailable,
)

# The longest receipts of the stores are shorter.
MAX_LENGTH = 16 * 1024
GRANTED_SECONDS = 300
REFUSED_SECONDS = 20
MAX_REMEMBERED = 100_000
# Questions to one store at the same time. One that hangs leaves the others alone.
MAX_CONCURRENT = 20
MAX_OF_NETWORK = 10
TIMEOUT_SECONDS = 10.0

_log = structlog.get_logger("purchase")


class Limit(Protocol):
    """How many wrong tokens may be tried."""

    async def check(self, account: None, address: str) -> None:
        """Raises ResourceExhausted if there were too many."""

    async def failed(self, account: None, address: str) -> object:
        """Counts one."""


class PurchaseAuthenticator:
    """Knows the tokens of purchases. A store that has no verifier refuses everybody."""

    def __init__(
        self,
        verifiers: Mapping[Store, Verifier],
        limit: Limit,
        *,
        clock: Callable[[], float] = time.monotonic,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._verifiers = verifiers
        self._limit = limit
        self._timeout_seconds = timeout_seconds
        # Apart, so that nobody who makes tokens up can push the buyers out.
        self._granted: TTLCache[Purchase, None] = TTLCache(MAX_REMEMBERED, GRANTED_SECONDS, clock)
        self._refused: TTLCache[Purchase, None] = TTLCache(MAX_REMEMBERED, REFUSED_SECONDS, clock)
        self._asking: SingleFlight[Purchase, Store, bool] = SingleFlight(
            MAX_CONCURRENT, max_per_caller=MAX_OF_NETWORK
        )

    async def authenticate(self, header: str | None, address: str) -> Purchase:
        """The purchase that an `authorization` header stands for.

        Raises Unauthenticated if it is none, ResourceExhausted if too many wrong ones came from
        that address, Unavailable if the store did not say.
        """
        if header is None or not header.strip():
            raise Unauthenticated(
                "The call needs `authorization: Bearer <Store> <purchase token>` or `x-api-key`.",
                reason="PURCHASE_TOKEN_MISSING",
            )
        credentials = credentials_in(header)
        if credentials is None:
            raise _invalid()
        store, token = credentials
        if store not in self._verifiers or len(token) > MAX_LENGTH:
            raise _invalid()
        purchase = purchase_of(store, token)
        if not await self._counts(purchase, token, address):
            raise _invalid()
        return purchase

    async def _counts(self, purchase: Purchase, token: str, address: str) -> bool:
        if purchase in self._granted:
            return True
        if purchase in self._refused:
            return False
        await self._limit.check(None, address)
        return await self._asking.run(
            purchase,
            purchase.store,
            lambda: self._tried(purchase, token, address),
            lambda: _too_many(purchase),
            caller=network_of(address),
        )

    async def _tried(self, purchase: Purchase, token: str, address: str) -> bool:
        counts = await self._ask(purchase, token)
        if not counts:
            await self._limit.failed(None, address)
        return counts

    async def _ask(self, purchase: Purchase, token: str) -> bool:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                counts = await self._verifiers[purchase.store].verify(token)
        except GymlockerError:
            raise
        except TimeoutError:
            _log.warning("a store gave no answer", store=purchase.store.value, why="time is up")
            raise store_unavailable() from None
        except Exception as error:
            # Its text may quote the token: neither the log nor the caller sees it.
            _log.error(
                "a store was not asked to the end",
                store=purchase.store.value,
                error=type(error).__name__,
                at="".join(traceback.format_tb(error.__traceback__)),
            )
            raise store_unavailable() from None
        (self._granted if counts else self._refused)[purchase] = None
        return counts


def _too_many(purchase: Purchase) -> GymlockerError:
    _log.warning("too many questions to a store", store=purchase.store.value)
    return store_unavailable()


def _invalid() -> Unauthenticated:
    # One text for all: what is wrong with a token helps those alone who make them up.
    return Unauthenticated("The purchase token is not valid.", reason="INVALID_PURCHASE_TOKEN")

"""Purchases, stores, and the header that carries a purchase token.

The header is `authorization: [Bearer ]<Store> <token>`: the store that sold the app's paid part,
and the token that proves the purchase to that store.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from server.errors import Unavailable


class Store(Enum):
    """Stores that sell the app's paid part, as the header names them."""

    WEB = "Web"
    GOOGLE = "Google"
    APPLE = "Apple"
    REVENUE_CAT = "RevenueCat"


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase that the store confirmed.

    `key` is the upper-case hex SHA-256 of its token. Quotas are counted by it, as LiftLog does.
    """

    store: Store
    key: str


class Verifier(Protocol):
    """A verifier of the tokens of one store."""

    async def verify(self, token: str) -> bool:
        """Check whether the token stands for a purchase that is valid now.

        Raises Unavailable if the store gave no answer.
        """


# Schemes are case-insensitive (RFC 9110, 11.1). Without Bearer before it, the store's name is the
# scheme. The tokens of all stores consist of visible ASCII characters.
_HEADER = re.compile(
    rf"[ \t]*(?:bearer[ \t]+)?({'|'.join(store.value for store in Store)})[ \t]+([!-~]+)[ \t]*",
    re.IGNORECASE | re.ASCII,
)
_STORES = {store.value.lower(): store for store in Store}


def parse_credentials(header: str) -> tuple[Store, str] | None:
    """Return the store and the token in an `authorization` header, or None if it has none."""
    match = _HEADER.fullmatch(header)
    return None if match is None else (_STORES[match[1].lower()], match[2])


def purchase_of(store: Store, token: str) -> Purchase:
    """Return the purchase of a token, which keeps only its hash."""
    return Purchase(store, hashlib.sha256(token.encode()).hexdigest().upper())


def store_unavailable() -> Unavailable:
    """Return the error for a store that gave no answer."""
    return Unavailable(
        "The store of the purchase is unreachable. Try again later.", reason="STORE_UNAVAILABLE"
    )


def names_of(configured: Mapping[Store, Verifier]) -> list[str]:
    """Return the names of the configured stores."""
    return [store.value for store in Store if store in configured]

"""What a purchase token is, and where in a call it stands.

A call says `authorization: [Bearer ]<Store> <token>`: the store that sold the app's paid part, and
what that store gave the buyer to prove it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from server.errors import Unavailable


class Store(Enum):
    """Who sells the app's paid part, as calls name it."""

    WEB = "Web"
    GOOGLE = "Google"
    APPLE = "Apple"
    REVENUE_CAT = "RevenueCat"


@dataclass(frozen=True)
class Purchase:
    """A purchase that the store vouches for.

    `key` is the upper-case hex SHA-256 of its token: what quotas are counted by, as LiftLog does.
    """

    store: Store
    key: str


class Verifier(Protocol):
    """Asks one store."""

    async def verify(self, token: str) -> bool:
        """Whether the store sold this, and it counts today.

        Raises Unavailable if the store did not say.
        """


# HTTP compares schemes without case (RFC 9110, 11.1), and a store's name is one where Bearer does
# not stand before it. No token of any store holds anything but visible ASCII.
_HEADER = re.compile(
    rf"[ \t]*(?:bearer[ \t]+)?({'|'.join(store.value for store in Store)})[ \t]+([!-~]+)[ \t]*",
    re.IGNORECASE | re.ASCII,
)
_STORES = {store.value.lower(): store for store in Store}


def credentials_in(header: str) -> tuple[Store, str] | None:
    """The store and the token that an `authorization` header names; None if it is not one."""
    match = _HEADER.fullmatch(header)
    return None if match is None else (_STORES[match[1].lower()], match[2])


def purchase_of(store: Store, token: str) -> Purchase:
    """What is kept of a token."""
    return Purchase(store, hashlib.sha256(token.encode()).hexdigest().upper())


def store_unavailable() -> Unavailable:
    """The error for a store that did not say whether the token is good."""
    return Unavailable(
        "The store that sold this is out of reach. Try again later.", reason="STORE_UNAVAILABLE"
    )


def names_of(configured: Mapping[Store, Verifier]) -> list[str]:
    """The names of the stores that are in force, for the log."""
    return [store.value for store in Store if store in configured]

"""Verifier of Apple's purchase tokens, which have three forms.

A signed transaction (StoreKit 2) proves itself. A transaction id is looked up in the App Store
Server API. Any other token is a receipt from before StoreKit 2, which Apple still verifies.
"""

import re
from dataclasses import dataclass

from server.services.ai.purchase.apple_receipts import Receipts
from server.services.ai.purchase.apple_transactions import SignedTransactions, TransactionLookup

# No leading zeros: otherwise one purchase would have several tokens, with a quota each.
_TRANSACTION_ID = re.compile(r"[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class AppleVerifier:
    """Verifier of Apple's tokens. A form that is not configured (None) is refused."""

    signed: SignedTransactions | None
    lookup: TransactionLookup | None
    receipts: Receipts | None

    async def verify(self, token: str) -> bool:
        """Check whether the token stands for a valid purchase. Raises Unavailable."""
        if token.count(".") == 2:
            return self.signed is not None and self.signed.verify(token)
        if token.isdecimal():
            return (
                self.lookup is not None
                and _TRANSACTION_ID.fullmatch(token) is not None
                and await self.lookup.verify(token)
            )
        return self.receipts is not None and await self.receipts.verify(token)

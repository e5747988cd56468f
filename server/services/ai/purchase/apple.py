"""Apple: what an app has to show for a purchase, in the three forms of three ages.

A signed transaction (StoreKit 2) proves itself. A transaction id is looked up in the App Store
Server API. Anything else is a receipt from before, which Apple still reads.
"""

import re
from dataclasses import dataclass

from server.services.ai.purchase.apple_receipts import Receipts
from server.services.ai.purchase.apple_transactions import SignedTransactions, TransactionLookup

# Written in one way, or one purchase would have more tokens, with a quota each.
_TRANSACTION_ID = re.compile(r"[1-9][0-9]{0,19}")


@dataclass(frozen=True)
class AppleVerifier:
    """Knows Apple's tokens; a form of them that is not set up (None) is refused."""

    signed: SignedTransactions | None
    lookup: TransactionLookup | None
    receipts: Receipts | None

    async def verify(self, token: str) -> bool:
        """Whether the token stands for a purchase that counts. Raises Unavailable."""
        if token.count(".") == 2:
            return self.signed is not None and self.signed.verify(token)
        if token.isdecimal():
            return (
                self.lookup is not None
                and _TRANSACTION_ID.fullmatch(token) is not None
                and await self.lookup.verify(token)
            )
        return self.receipts is not None and await self.receipts.verify(token)

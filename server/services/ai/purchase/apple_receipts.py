"""Apple's receipts from before StoreKit 2, which its verifyReceipt endpoint reads.

https://developer.apple.com/documentation/appstorereceipts/verifyreceipt
https://developer.apple.com/documentation/appstorereceipts/status
"""

import base64
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from server.services.ai.purchase.store_client import StoreClient

_GOOD = 0
_WRONG_SECRET = 21004
_FROM_THE_SANDBOX = 21007
# Malformed, not authentic, expired, from production though the sandbox was asked, of nobody.
_INVALID = (21002, 21003, 21006, 21008, 21010)


@dataclass(frozen=True)
class Receipts:
    """Asks Apple what stands in a receipt. `now` gives seconds since 1970.

    No `products`: any of the app's will do. `sandbox_url` None: testers' receipts are refused.
    """

    client: StoreClient
    url: str
    sandbox_url: str | None
    secret: SecretStr
    bundle: str
    products: Collection[str]
    now: Callable[[], float]

    async def verify(self, receipt: str) -> bool:
        """Whether a purchase of our app's stands in the receipt. Raises Unavailable."""
        if not _is_base64(receipt):
            return False
        body = await self._read(self.url, receipt)
        # Apple's reviewers and testers use the app that everybody has, so production is asked
        # first and says whose receipt it is.
        if body.get("status") == _FROM_THE_SANDBOX and self.sandbox_url is not None:
            body = await self._read(self.sandbox_url, receipt)
        status = body.get("status")
        if type(status) is int and status == _GOOD:
            return self._holds_purchase(body)
        if status in _INVALID or status == _FROM_THE_SANDBOX:
            return False
        if status == _WRONG_SECRET:
            raise self.client.misconfigured("APPLE_SHARED_SECRET is not the app's")
        raise self.client.unavailable(
            "status of the receipt", code=status if isinstance(status, int) else -1
        )

    async def _read(self, url: str, receipt: str) -> dict[str, Any]:
        answer = await self.client.post(
            url,
            {
                "receipt-data": receipt,
                "password": self.secret.get_secret_value(),
                "exclude-old-transactions": True,
            },
        )
        if not answer.is_success:
            raise self.client.unavailable("status", status=answer.status)
        return answer.body

    def _holds_purchase(self, body: dict[str, Any]) -> bool:
        try:
            if body["receipt"]["bundle_id"] != self.bundle:
                return False
            grace = _grace_periods(body)
            return any(
                self._counts(purchase, grace.get(purchase.get("original_transaction_id"), 0))
                for purchase in _purchases(body)
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("not what verifyReceipt answers") from None

    def _counts(self, purchase: dict[str, Any], grace: int) -> bool:
        """Whether it counts now, or until the milliseconds since 1970 that Apple still gives it."""
        expires = purchase.get("expires_date_ms")
        return (
            (not self.products or purchase["product_id"] in self.products)
            and not purchase.get("cancellation_date_ms")
            and not purchase.get("cancellation_date")
            # The subscription that it was upgraded to is listed as well.
            and purchase.get("is_upgraded") != "true"
            and (expires is None or max(int(expires), grace) > self.now() * 1000)
        )


def _purchases(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The purchases in a receipt, each as Apple knows it today.

    Whoever installs an app has a receipt: it is the purchases in it that count. `in_app` shows them
    as they were when the receipt was written, `latest_receipt_info` as they are.
    """
    listed = [*body["receipt"].get("in_app", ()), *body.get("latest_receipt_info", ())]
    return list({purchase["transaction_id"]: purchase for purchase in listed}.values())


def _grace_periods(body: dict[str, Any]) -> dict[Any, int]:
    """Until when a subscription counts whose renewal could not be paid yet."""
    return {
        renewal["original_transaction_id"]: int(renewal["grace_period_expires_date_ms"])
        for renewal in body.get("pending_renewal_info", ())
        if "grace_period_expires_date_ms" in renewal
    }


def _is_base64(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)) == text.encode()
    except ValueError:
        return False

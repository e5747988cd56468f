"""Verification of Apple's receipts from before StoreKit 2, by its verifyReceipt endpoint.

https://developer.apple.com/documentation/appstorereceipts/verifyreceipt
https://developer.apple.com/documentation/appstorereceipts/status
"""

import base64
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from server.services.ai.purchase.store_client import StoreClient

_VALID = 0
_WRONG_SECRET = 21004
_FROM_SANDBOX = 21007
# Malformed, not authentic, expired, sent to the sandbox but from production, unknown account.
_INVALID = (21002, 21003, 21006, 21008, 21010)


@dataclass(frozen=True, slots=True)
class Receipts:
    """Verification of receipts. `now` returns seconds since 1970.

    If `products` is empty, any product of the app counts. If `sandbox_url` is None, testers'
    receipts are refused.
    """

    client: StoreClient
    url: str
    sandbox_url: str | None
    secret: SecretStr
    bundle: str
    products: Collection[str]
    now: Callable[[], float]

    async def verify(self, receipt: str) -> bool:
        """Check whether the receipt holds a valid purchase of our app. Raises Unavailable."""
        if not _is_base64(receipt):
            return False
        body = await self._read(self.url, receipt)
        # Apple's reviewers and testers use the published app. The request to production tells
        # where the receipt is from.
        if body.get("status") == _FROM_SANDBOX and self.sandbox_url is not None:
            body = await self._read(self.sandbox_url, receipt)
        status = body.get("status")
        if type(status) is int and status == _VALID:
            return self._has_valid_purchase(body)
        if status in _INVALID or status == _FROM_SANDBOX:
            return False
        if status == _WRONG_SECRET:
            raise self.client.misconfigured("APPLE_SHARED_SECRET does not belong to the app")
        raise self.client.unavailable(
            "unexpected receipt status", code=status if isinstance(status, int) else -1
        )

    async def _read(self, url: str, receipt: str) -> dict[str, Any]:
        response = await self.client.post(
            url,
            {
                "receipt-data": receipt,
                "password": self.secret.get_secret_value(),
                "exclude-old-transactions": True,
            },
        )
        if not response.is_success:
            raise self.client.unavailable("unexpected HTTP status", status=response.status)
        return response.body

    def _has_valid_purchase(self, body: dict[str, Any]) -> bool:
        try:
            if body["receipt"]["bundle_id"] != self.bundle:
                return False
            grace = _grace_periods(body)
            return any(
                self._is_valid(purchase, grace.get(purchase.get("original_transaction_id"), 0))
                for purchase in _purchases(body)
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.client.unavailable("malformed response of verifyReceipt") from None

    def _is_valid(self, purchase: dict[str, Any], grace: int) -> bool:
        """Check a purchase. `grace` is the end of its grace period, in milliseconds since 1970."""
        expires = purchase.get("expires_date_ms")
        return (
            (not self.products or purchase["product_id"] in self.products)
            and not purchase.get("cancellation_date_ms")
            and not purchase.get("cancellation_date")
            # The subscription that replaced it is listed as well.
            and purchase.get("is_upgraded") != "true"
            and (expires is None or max(int(expires), grace) > self.now() * 1000)
        )


def _purchases(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the purchases in a receipt, each in its current state.

    Every installed app has a receipt, so only its purchases count. `in_app` holds them as of the
    receipt's creation, `latest_receipt_info` as of now.
    """
    listed = [*body["receipt"].get("in_app", ()), *body.get("latest_receipt_info", ())]
    return list({purchase["transaction_id"]: purchase for purchase in listed}.values())


def _grace_periods(body: dict[str, Any]) -> dict[Any, int]:
    """Return the end of the grace period of each subscription whose renewal failed."""
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

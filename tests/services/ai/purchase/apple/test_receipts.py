"""Receipts from before StoreKit 2."""

import json
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import LogCapture

from server.errors import Unavailable
from server.services.ai.purchase.apple import AppleVerifier
from tests.services.ai.purchase.apple.chain import MILLISECONDS
from tests.services.ai.purchase.apple.fake import ID, RECEIPT, SECRET, FakeApple
from tests.services.ai.purchase.server import Reply, Server

PRO = {"product_id": "pro", "transaction_id": ID}
OVERDUE = PRO | {"expires_date_ms": str(MILLISECONDS), "original_transaction_id": "first"}
PENDING = {
    "original_transaction_id": "first",
    "grace_period_expires_date_ms": str(MILLISECONDS + 1),
}


def receipt(status: int = 0, *, bundle: str = "com.example.app", **content: Any) -> Reply:
    in_app = content.pop("in_app", [PRO])
    body = {"status": status, "receipt": {"bundle_id": bundle, "in_app": in_app}, **content}
    return Reply(200, body)


PRODUCTION, SANDBOX = "/production/verifyReceipt", "/sandbox/verifyReceipt"


class TestReceipts:
    async def test_sends_the_receipt_to_apple(
        self, verifier: AppleVerifier, apple: FakeApple, server: Server
    ) -> None:
        apple.replies = {PRODUCTION: receipt()}
        assert await verifier.verify(RECEIPT)
        (request,) = server.requests
        assert request.method == "POST"
        assert json.loads(request.body) == {
            "receipt-data": RECEIPT,
            "password": SECRET,
            "exclude-old-transactions": True,
        }

    @pytest.mark.parametrize(
        ("reply", "is_valid"),
        [
            (receipt(in_app=[PRO | {"expires_date_ms": str(MILLISECONDS + 1)}]), True),
            (receipt(in_app=[PRO | {"expires_date_ms": str(MILLISECONDS)}]), False),
            (
                receipt(
                    in_app=[PRO | {"expires_date_ms": str(MILLISECONDS)}],
                    latest_receipt_info=[PRO | {"expires_date_ms": str(MILLISECONDS + 1)}],
                ),
                True,
            ),
            (receipt(in_app=[PRO | {"cancellation_date_ms": "1"}]), False),
            # Refunded since the receipt was created.
            (receipt(latest_receipt_info=[PRO | {"cancellation_date_ms": "1"}]), False),
            (receipt(in_app=[PRO | {"is_upgraded": "true"}]), False),
            # In the grace period.
            (receipt(in_app=[OVERDUE], pending_renewal_info=[PENDING]), True),
            (
                receipt(
                    in_app=[OVERDUE],
                    pending_renewal_info=[PENDING | {"original_transaction_id": "another"}],
                ),
                False,
            ),
            (receipt(in_app=[OVERDUE], pending_renewal_info=[{"is_in_billing_retry": "1"}]), False),
            (receipt(in_app=[PRO | {"cancellation_date": "2026-01-01 00:00:00 Etc/GMT"}]), False),
            (receipt(in_app=[PRO | {"product_id": "other"}]), False),
            # Every installed app has such a receipt.
            (receipt(in_app=[]), False),
            (receipt(bundle="com.example.other"), False),
            *((receipt(status), False) for status in (21002, 21003, 21006, 21008, 21010)),
        ],
    )
    @pytest.mark.parametrize("sandbox", [False, True])
    async def test_is_valid_with_a_valid_purchase(
        self, verifier: AppleVerifier, apple: FakeApple, reply: Reply, is_valid: bool, sandbox: bool
    ) -> None:
        apple.replies = {PRODUCTION: reply}
        if sandbox:
            apple.replies = {PRODUCTION: Reply(200, {"status": 21007}), SANDBOX: reply}
        assert await verifier.verify(RECEIPT) is is_valid

    async def test_sends_testers_receipts_to_the_sandbox(
        self, verifier: AppleVerifier, apple: FakeApple, server: Server
    ) -> None:
        apple.replies = {PRODUCTION: Reply(200, {"status": 21007}), SANDBOX: receipt()}
        assert await verifier.verify(RECEIPT)
        assert [request.path for request in server.requests] == [PRODUCTION, SANDBOX]
        assert verifier.receipts is not None
        strict = replace(verifier, receipts=replace(verifier.receipts, sandbox_url=None))
        assert not await strict.verify(RECEIPT)

    @pytest.mark.parametrize(
        ("reply", "level"),
        [
            (Reply(200, {"status": 21004}), "error"),
            *(
                (Reply(200, {"status": status}), "warning")
                for status in (21000, 21005, 21009, 21199)
            ),
            (Reply(200, {"status": "canary"}), "warning"),
            (Reply(200, receipt().body | {"status": False}), "warning"),
            (Reply(200, {"status": 0}), "warning"),
            (Reply(200, {"status": 0, "receipt": "canary"}), "warning"),
            (receipt(in_app=["canary"]), "warning"),
            (receipt(in_app=[PRO | {"expires_date_ms": "canary"}]), "warning"),
            (Reply(404, {"canary": "canary"}), "warning"),
        ],
    )
    async def test_other_statuses_are_unavailable(
        self, verifier: AppleVerifier, apple: FakeApple, reply: Reply, level: str, log: LogCapture
    ) -> None:
        apple.replies = {PRODUCTION: reply}
        with pytest.raises(Unavailable):
            await verifier.verify(RECEIPT)
        assert [entry["log_level"] for entry in log.entries] == [level]
        assert "canary" not in str(log.entries)

"""Apple's three kinds of tokens, as its documentation says that it makes and reads them."""

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from structlog.testing import LogCapture

from server.ai.purchase.apple import AppleVerifier
from server.ai.purchase.apple_receipts import Receipts
from server.ai.purchase.apple_transactions import ApiKey, SignedTransactions, TransactionLookup
from server.ai.purchase.model import Store
from server.ai.purchase.store_client import StoreClient
from server.errors import Unavailable
from tests.ai.purchase import faults
from tests.ai.purchase.apple_chain import MILLISECONDS, TRANSACTION, Chain, chain
from tests.ai.purchase.conftest import NOW
from tests.ai.purchase.server import Fault, Reply, Request, Server, serving

ID = "2000000123456789"
RECEIPT = base64.b64encode(b"an old canary-5f1c receipt").decode()
SECRET = "shared-canary"
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class FakeApple:
    """Answers each path with what it is given, after a look at who asks."""

    replies: dict[str, Reply] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith(("/production/inApps", "/sandbox/inApps")):
            claims = jwt.decode(
                request.bearer, KEY.public_key(), ["ES256"], audience="appstoreconnect-v1"
            )
            assert (claims["iss"], claims["bid"]) == ("issuer", "com.example.app")
            assert time.time() - 60 < claims["iat"] < claims["exp"] < time.time() + 3600
            assert jwt.get_unverified_header(request.bearer)["kid"] == "key1"
        return self.replies.get(
            request.path, Reply(404, {"errorCode": 4040010, "errorMessage": "canary"})
        )


@pytest.fixture
def apple() -> FakeApple:
    return FakeApple()


@pytest.fixture
async def server(apple: FakeApple) -> AsyncIterator[Server]:
    async with serving(apple) as server:
        yield server


@pytest.fixture
def verifier(server: Server, http: httpx2.AsyncClient) -> AppleVerifier:
    client = StoreClient(http, Store.APPLE)
    signed = SignedTransactions(
        [chain().root], "com.example.app", {"pro"}, sandbox=True, now=lambda: NOW
    )
    urls = [f"{server.url}/production", f"{server.url}/sandbox"]
    return AppleVerifier(
        signed,
        TransactionLookup(client, urls, ApiKey("issuer", "key1", KEY, "com.example.app"), signed),
        Receipts(
            client,
            f"{server.url}/production/verifyReceipt",
            f"{server.url}/sandbox/verifyReceipt",
            SecretStr(SECRET),
            "com.example.app",
            {"pro"},
            lambda: NOW,
        ),
    )


def looked_up(environment: str) -> str:
    return f"/{environment}/inApps/v1/transactions/{ID}"


def signed(**changes: Any) -> Reply:
    return Reply(200, {"signedTransactionInfo": chain().sign(**changes)})


CHANGES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"environment": "Sandbox"}, True),
    ({"expiresDate": MILLISECONDS + 1}, True),
    ({"expiresDate": MILLISECONDS}, False),
    ({"revocationDate": MILLISECONDS - 1}, False),
    ({"productId": "other"}, False),
    ({"productId": None}, False),
    ({"transactionId": None}, False),
]


@pytest.mark.parametrize(("changes", "may"), CHANGES)
async def test_a_signed_transaction_proves_itself(
    verifier: AppleVerifier, server: Server, changes: dict[str, Any], may: bool
) -> None:
    assert await verifier.verify(chain().sign(**changes)) is may
    assert server.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"bundleId": "com.example.other"},
        {"bundleId": None},
        {"environment": "Xcode"},
        {"environment": "LocalTesting"},
        {"environment": None},
        {"environment": None, "receiptType": "Production"},
        {"expiresDate": "soon"},
        {"signedDate": "never"},
        # Outside of the time in which the certificates are valid.
        {"signedDate": 0},
        {"signedDate": 4_000_000_000_000},
    ],
)
async def test_what_apple_signed_for_something_else_is_none(
    verifier: AppleVerifier, changes: dict[str, Any]
) -> None:
    assert not await verifier.verify(chain().sign(**changes))


FORGED = [
    # Another root, with the same marks.
    Chain(chain("1.1").root, chain("1.1").x5c, chain("1.1").key),
    # Their key behind our certificates.
    replace(chain(), key=chain("1.1").key),
    # No root in the token, or none at all.
    replace(chain(), x5c=chain().x5c[:2]),
    replace(chain(), x5c=[]),
    # The leaf of another chain.
    replace(chain(), x5c=[chain("1.1").x5c[0], *chain().x5c[1:]], key=chain("1.1").key),
    replace(chain(), x5c=[b"nonsense"] * 3),
]


@pytest.mark.parametrize("forged", FORGED)
async def test_what_somebody_else_signed_is_none(verifier: AppleVerifier, forged: Chain) -> None:
    assert not await verifier.verify(forged.sign())
    assert not await verifier.verify(forged.sign(environment="Xcode"))


@pytest.mark.parametrize("marks", [(None, "1.2.840.113635.100.6.2.1"), ("1.2.3", "1.2.3")])
async def test_a_certificate_for_something_else_signs_nothing(
    marks: tuple[str | None, str | None],
) -> None:
    other = chain(*marks)
    verifier = AppleVerifier(
        SignedTransactions([other.root], "com.example.app", (), sandbox=True), None, None
    )
    assert not await verifier.verify(other.sign())


async def test_a_signature_is_written_in_one_way(verifier: AppleVerifier) -> None:
    token = chain().sign()
    assert await verifier.verify(token)
    head, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 64 bytes leave four bits at the end that mean nothing.
    twin = last[last.index(signature[-1]) ^ 1]
    assert not await verifier.verify(f"{head}.{payload}.{signature[:-1]}{twin}")
    assert not await verifier.verify(f"{token}==")
    assert not await verifier.verify(f"{head}.{payload}.")
    assert not await verifier.verify("..")


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_nothing_else_than_a_signature_will_do(
    verifier: AppleVerifier, algorithm: str
) -> None:
    header = {"x5c": [base64.b64encode(part).decode() for part in chain().x5c]}
    key = "k" * 32 if algorithm == "HS256" else None
    token = jwt.encode(TRANSACTION, key, algorithm, header)  # type: ignore[arg-type]
    assert not await verifier.verify(token)


async def test_a_header_that_is_nested_deeply_is_none(verifier: AppleVerifier) -> None:
    nested = base64.urlsafe_b64encode(b"[" * 9000 + b"]" * 3).rstrip(b"=").decode()
    assert not await verifier.verify(f"{nested}.{nested}.AAAA")


async def test_without_the_sandbox_testers_have_bought_nothing() -> None:
    strict = SignedTransactions([chain().root], "com.example.app", (), sandbox=False)
    assert strict.verify(chain().sign(productId="any"))
    assert not strict.verify(chain().sign(environment="Sandbox"))


@pytest.mark.parametrize(("changes", "may"), CHANGES)
async def test_a_transaction_id_is_looked_up(
    verifier: AppleVerifier, apple: FakeApple, changes: dict[str, Any], may: bool
) -> None:
    apple.replies = {looked_up("production"): signed(**changes)}
    assert await verifier.verify(ID) is may


async def test_what_production_does_not_know_the_sandbox_may(
    verifier: AppleVerifier, apple: FakeApple, server: Server
) -> None:
    apple.replies = {looked_up("sandbox"): signed(environment="Sandbox")}
    assert await verifier.verify(ID)
    assert [request.path for request in server.asked] == [
        looked_up("production"),
        looked_up("sandbox"),
    ]


async def test_what_neither_knows_is_none(verifier: AppleVerifier, apple: FakeApple) -> None:
    assert not await verifier.verify(ID)
    apple.replies = {looked_up("production"): Reply(400, {"errorCode": 4000006})}
    assert not await verifier.verify(ID)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, {"errorCode": 4040002}),
        Reply(404, {"errorCode": 4040003, "errorMessage": "canary"}),
        Reply(400, {"errorCode": "canary"}),
        Reply(404, b"<html>"),
        Reply(200, {"signedTransactionInfo": "canary"}),
        Reply(200, {"signedTransactionInfo": chain("1.1").sign()}),
        signed(bundleId="com.example.other"),
    ],
)
@pytest.mark.parametrize("environment", ["production", "sandbox"])
async def test_an_answer_that_says_nothing_of_the_id_is_none(
    verifier: AppleVerifier, apple: FakeApple, environment: str, reply: Reply, log: LogCapture
) -> None:
    apple.replies = {looked_up(environment): reply}
    with pytest.raises(Unavailable):
        await verifier.verify(ID)
    assert len(log.entries) == 1
    assert "canary" not in str(log.entries)


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


async def test_a_receipt_is_read_by_apple(
    verifier: AppleVerifier, apple: FakeApple, server: Server
) -> None:
    apple.replies = {PRODUCTION: receipt()}
    assert await verifier.verify(RECEIPT)
    (request,) = server.asked
    assert request.method == "POST"
    assert json.loads(request.body) == {
        "receipt-data": RECEIPT,
        "password": SECRET,
        "exclude-old-transactions": True,
    }


@pytest.mark.parametrize(
    ("reply", "may"),
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
        # Paid back since the receipt was written.
        (receipt(latest_receipt_info=[PRO | {"cancellation_date_ms": "1"}]), False),
        (receipt(in_app=[PRO | {"is_upgraded": "true"}]), False),
        # Apple waits for the money for a while.
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
        # Everybody has one who installed the app.
        (receipt(in_app=[]), False),
        (receipt(bundle="com.example.other"), False),
        *((receipt(status), False) for status in (21002, 21003, 21006, 21008, 21010)),
    ],
)
@pytest.mark.parametrize("sandbox", [False, True])
async def test_a_receipt_counts_for_the_purchases_in_it(
    verifier: AppleVerifier, apple: FakeApple, reply: Reply, may: bool, sandbox: bool
) -> None:
    apple.replies = {PRODUCTION: reply}
    if sandbox:
        apple.replies = {PRODUCTION: Reply(200, {"status": 21007}), SANDBOX: reply}
    assert await verifier.verify(RECEIPT) is may


async def test_a_testers_receipt_goes_to_the_sandbox(
    verifier: AppleVerifier, apple: FakeApple, server: Server
) -> None:
    apple.replies = {PRODUCTION: Reply(200, {"status": 21007}), SANDBOX: receipt()}
    assert await verifier.verify(RECEIPT)
    assert [request.path for request in server.asked] == [PRODUCTION, SANDBOX]
    assert verifier.receipts is not None
    strict = replace(verifier, receipts=replace(verifier.receipts, sandbox_url=None))
    assert not await strict.verify(RECEIPT)


@pytest.mark.parametrize(
    ("reply", "level"),
    [
        (Reply(200, {"status": 21004}), "error"),
        *((Reply(200, {"status": status}), "warning") for status in (21000, 21005, 21009, 21199)),
        (Reply(200, {"status": "canary"}), "warning"),
        (Reply(200, receipt().body | {"status": False}), "warning"),
        (Reply(200, {"status": 0}), "warning"),
        (Reply(200, {"status": 0, "receipt": "canary"}), "warning"),
        (receipt(in_app=["canary"]), "warning"),
        (receipt(in_app=[PRO | {"expires_date_ms": "canary"}]), "warning"),
        (Reply(404, {"canary": "canary"}), "warning"),
    ],
)
async def test_a_status_that_says_nothing_of_the_receipt_is_none(
    verifier: AppleVerifier, apple: FakeApple, reply: Reply, level: str, log: LogCapture
) -> None:
    apple.replies = {PRODUCTION: reply}
    with pytest.raises(Unavailable):
        await verifier.verify(RECEIPT)
    assert [entry["log_level"] for entry in log.entries] == [level]
    assert "canary" not in str(log.entries)


@faults.of_any
@pytest.mark.parametrize("token", [ID, RECEIPT], ids=["id", "receipt"])
async def test_when_it_does_not_say_it_is_unavailable(
    verifier: AppleVerifier, server: Server, token: str, fault: Reply | Fault, log: LogCapture
) -> None:
    server.override = fault
    with pytest.raises(Unavailable) as caught:
        await verifier.verify(token)
    assert caught.value.reason == "STORE_UNAVAILABLE"
    levels = [entry["log_level"] for entry in log.entries]
    if fault in faults.OUR_FAULTS:
        assert levels == ["error"]
    assert len(levels) == 1
    assert "canary" not in str(log.entries) + str(caught.value)


@pytest.mark.parametrize("token", ["0123", "-1", "1.5", "²", "nonsense!", "AAB=", f"{RECEIPT}=="])
async def test_nonsense_is_not_asked_for(
    verifier: AppleVerifier, server: Server, token: str
) -> None:
    assert not await verifier.verify(token)
    assert server.asked == []


@pytest.mark.parametrize("token", [chain().sign(), ID, RECEIPT], ids=["signed", "id", "receipt"])
async def test_a_form_that_is_not_set_up_is_refused(token: str) -> None:
    assert not await AppleVerifier(None, None, None).verify(token)

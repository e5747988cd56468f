"""Transactions that Apple signed, and ids of transactions that it is asked for."""

import base64
from dataclasses import replace
from typing import Any

import jwt
import pytest
from structlog.testing import LogCapture

from server.errors import Unavailable
from server.services.ai.purchase.apple import AppleVerifier
from server.services.ai.purchase.apple_transactions import SignedTransactions
from tests.services.ai.purchase.apple.chain import MILLISECONDS, TRANSACTION, Chain, chain
from tests.services.ai.purchase.apple.fake import ID, FakeApple
from tests.services.ai.purchase.server import Reply, Server


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


# --- Signed ---


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


# --- Looked up ---


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

"""Signed transactions, and transactions looked up by their id."""

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


FORGED = [
    # Another root, with the same extensions.
    Chain(chain("1.1").root, chain("1.1").x5c, chain("1.1").key),
    # A foreign key with our certificates.
    replace(chain(), key=chain("1.1").key),
    # No root in the token, or no certificate.
    replace(chain(), x5c=chain().x5c[:2]),
    replace(chain(), x5c=[]),
    # The leaf of another chain.
    replace(chain(), x5c=[chain("1.1").x5c[0], *chain().x5c[1:]], key=chain("1.1").key),
    replace(chain(), x5c=[b"nonsense"] * 3),
]


class TestSignedTransactions:
    @pytest.mark.parametrize(("changes", "is_valid"), CHANGES)
    async def test_are_verified_without_a_request(
        self, verifier: AppleVerifier, server: Server, changes: dict[str, Any], is_valid: bool
    ) -> None:
        assert await verifier.verify(chain().sign(**changes)) is is_valid
        assert server.requests == []

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
            # Outside the validity of the certificates.
            {"signedDate": 0},
            {"signedDate": 4_000_000_000_000},
        ],
    )
    async def test_rejects_transactions_for_something_else(
        self, verifier: AppleVerifier, changes: dict[str, Any]
    ) -> None:
        assert not await verifier.verify(chain().sign(**changes))

    @pytest.mark.parametrize("forged", FORGED)
    async def test_rejects_foreign_signatures(self, verifier: AppleVerifier, forged: Chain) -> None:
        assert not await verifier.verify(forged.sign())
        assert not await verifier.verify(forged.sign(environment="Xcode"))

    @pytest.mark.parametrize("extensions", [(None, "1.2.840.113635.100.6.2.1"), ("1.2.3", "1.2.3")])
    async def test_rejects_certificates_for_something_else(
        self,
        extensions: tuple[str | None, str | None],
    ) -> None:
        other = chain(*extensions)
        verifier = AppleVerifier(
            SignedTransactions([other.root], "com.example.app", (), sandbox=True), None, None
        )
        assert not await verifier.verify(other.sign())

    async def test_rejects_other_encodings_of_a_token(self, verifier: AppleVerifier) -> None:
        token = chain().sign()
        assert await verifier.verify(token)
        head, payload, signature = token.split(".")
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        # The encoding of 64 bytes ends in four unused bits.
        twin = last[last.index(signature[-1]) ^ 1]
        assert not await verifier.verify(f"{head}.{payload}.{signature[:-1]}{twin}")
        assert not await verifier.verify(f"{token}==")
        assert not await verifier.verify(f"{head}.{payload}.")
        assert not await verifier.verify("..")

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    async def test_rejects_other_algorithms(self, verifier: AppleVerifier, algorithm: str) -> None:
        header = {"x5c": [base64.b64encode(part).decode() for part in chain().x5c]}
        key = "k" * 32 if algorithm == "HS256" else None
        token = jwt.encode(TRANSACTION, key, algorithm, header)  # type: ignore[arg-type]
        assert not await verifier.verify(token)

    async def test_rejects_deeply_nested_header(self, verifier: AppleVerifier) -> None:
        nested = base64.urlsafe_b64encode(b"[" * 9000 + b"]" * 3).rstrip(b"=").decode()
        assert not await verifier.verify(f"{nested}.{nested}.AAAA")

    async def test_rejects_testers_without_the_sandbox(self) -> None:
        strict = SignedTransactions([chain().root], "com.example.app", (), sandbox=False)
        assert strict.verify(chain().sign(productId="any"))
        assert not strict.verify(chain().sign(environment="Sandbox"))


class TestTransactionLookup:
    @pytest.mark.parametrize(("changes", "is_valid"), CHANGES)
    async def test_checks_the_looked_up_transaction(
        self, verifier: AppleVerifier, apple: FakeApple, changes: dict[str, Any], is_valid: bool
    ) -> None:
        apple.replies = {looked_up("production"): signed(**changes)}
        assert await verifier.verify(ID) is is_valid

    async def test_falls_back_to_the_sandbox(
        self, verifier: AppleVerifier, apple: FakeApple, server: Server
    ) -> None:
        apple.replies = {looked_up("sandbox"): signed(environment="Sandbox")}
        assert await verifier.verify(ID)
        assert [request.path for request in server.requests] == [
            looked_up("production"),
            looked_up("sandbox"),
        ]

    async def test_unknown_id_is_invalid(self, verifier: AppleVerifier, apple: FakeApple) -> None:
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
    async def test_other_responses_are_unavailable(
        self,
        verifier: AppleVerifier,
        apple: FakeApple,
        environment: str,
        reply: Reply,
        log: LogCapture,
    ) -> None:
        apple.replies = {looked_up(environment): reply}
        with pytest.raises(Unavailable):
            await verifier.verify(ID)
        assert len(log.entries) == 1
        assert "canary" not in str(log.entries)

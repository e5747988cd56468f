"""Verifier of Google Play, with a fake that responds as documented."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qs

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import LogCapture

from server.errors import Unavailable
from server.services.ai.purchase import google as module
from server.services.ai.purchase.google import SCOPE, GoogleVerifier, ServiceAccount
from server.services.ai.purchase.model import Store
from server.services.ai.purchase.store_client import StoreClient
from tests.services.ai.purchase import faults
from tests.services.ai.purchase.conftest import NOW
from tests.services.ai.purchase.server import Fault, Reply, Request, Server, serving

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ACCOUNT = "planner@project.iam.gserviceaccount.com"
APP = "/androidpublisher/v3/applications/com.example.app/purchases"
TOKEN = "canary-5f1c.AO/J1"
PRODUCT = f"{APP}/products/pro/tokens/canary-5f1c.AO%2FJ1"
SUBSCRIPTION = f"{APP}/subscriptionsv2/tokens/canary-5f1c.AO%2FJ1"


def error(status: int, reason: str) -> Reply:
    return Reply(status, {"error": {"code": status, "errors": [{"reason": reason}]}})


def subscription(
    state: str, *items: tuple[str, str], default: tuple[str, str] = ("pro", "2020-01-01T00:00:00Z")
) -> Reply:
    lines = [{"productId": name, "expiryTime": time} for name, time in items or (default,)]
    body = {"subscriptionState": f"SUBSCRIPTION_STATE_{state}", "lineItems": lines}
    return Reply(200, body)


@dataclass
class FakeGoogle:
    """A fake Google Play that issues access tokens for signed assertions."""

    purchases: dict[str, Reply] = field(default_factory=dict)
    unknown: Reply = field(default_factory=lambda: error(404, "purchaseTokenNotFound"))
    lifetime: int = 3600
    token: Reply | Fault | None = None
    assertions: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply | Fault:
        if request.path == "/token":
            return self.token or self._token(request)
        if request.bearer != f"access-{len(self.assertions)}":
            return Reply(401, {"error": {"code": 401}})
        return self.purchases.get(request.path, self.unknown)

    def _token(self, request: Request) -> Reply:
        form = parse_qs(request.body.decode())
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        self.assertions.append(
            jwt.decode(
                form["assertion"][0], KEY.public_key(), ["RS256"], options={"verify_aud": False}
            )
        )
        token = f"access-{len(self.assertions)}"
        return Reply(
            200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
        )


@pytest.fixture
def google() -> FakeGoogle:
    return FakeGoogle()


@pytest.fixture
async def server(google: FakeGoogle) -> AsyncIterator[Server]:
    async with serving(google) as server:
        yield server


@cache
def service_account() -> ServiceAccount:
    """Return the account. It is cached, because checking the key takes longer than a test."""
    key = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "key1",
        "private_key": PEM,
        "token_uri": "https://replaced.invalid/token",
    }
    return ServiceAccount(key)


@pytest.fixture
def verifier(
    server: Server, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> GoogleVerifier:
    # The server has no TLS, whose preparation would take most of a test's time.
    monkeypatch.setattr(httpx2, "request", partial(httpx2.request, verify=False))
    account = ServiceAccount.__new__(ServiceAccount)
    account._lock = asyncio.Lock()
    account._credentials = service_account()._credentials.with_scopes([SCOPE])
    account._credentials._token_uri = f"{server.url}/token"
    return GoogleVerifier(
        StoreClient(http, Store.GOOGLE),
        server.url,
        "com.example.app",
        "pro",
        "pro",
        account,
        lambda: NOW,
    )


class TestProduct:
    @pytest.mark.parametrize(
        ("body", "is_valid"),
        [
            ({"purchaseState": 0}, True),
            ({"purchaseState": 1}, False),
            ({"purchaseState": 2}, False),
        ],
    )
    async def test_is_valid_if_paid(
        self,
        verifier: GoogleVerifier,
        google: FakeGoogle,
        server: Server,
        body: dict[str, Any],
        is_valid: bool,
    ) -> None:
        google.purchases = {PRODUCT: Reply(200, body)}
        assert await verifier.verify(TOKEN) is is_valid
        assert [request.path for request in server.requests] == ["/token", PRODUCT]

    @pytest.mark.parametrize("state", ["0", False, None])
    async def test_malformed_state_is_unavailable(
        self, verifier: GoogleVerifier, google: FakeGoogle, state: object
    ) -> None:
        google.purchases = {PRODUCT: Reply(200, {"purchaseState": state})}
        with pytest.raises(Unavailable):
            await verifier.verify(TOKEN)


class TestSubscription:
    @pytest.mark.parametrize(
        ("reply", "is_valid"),
        [
            (subscription("ACTIVE"), True),
            (subscription("IN_GRACE_PERIOD"), True),
            (subscription("CANCELED", ("pro", "2026-06-01T00:00:00.5Z")), True),
            (subscription("CANCELED", ("pro", "2026-05-31T23:59:59Z")), False),
            (subscription("CANCELED", ("other", "2030-01-01T00:00:00Z")), False),
            (subscription("ACTIVE", ("other", "2030-01-01T00:00:00Z")), False),
            (subscription("PENDING"), False),
            (subscription("PAUSED"), False),
            (subscription("ON_HOLD"), False),
            (subscription("EXPIRED"), False),
            (subscription("PENDING_PURCHASE_CANCELED"), False),
            (subscription("UNSPECIFIED"), False),
        ],
    )
    async def test_is_valid_while_paid(
        self, verifier: GoogleVerifier, google: FakeGoogle, reply: Reply, is_valid: bool
    ) -> None:
        google.purchases = {SUBSCRIPTION: reply}
        assert await verifier.verify(TOKEN) is is_valid


class TestUnknownToken:
    @pytest.mark.parametrize(
        "unknown",
        [
            error(404, "purchaseTokenNotFound"),
            error(400, "purchaseTokenDoesNotMatchProductId"),
            error(400, "invalid"),
            error(410, "purchaseTokenNoLongerValid"),
            Reply(404, b"<html>"),
        ],
    )
    async def test_is_invalid(
        self, verifier: GoogleVerifier, google: FakeGoogle, unknown: Reply
    ) -> None:
        google.unknown = unknown
        assert not await verifier.verify(TOKEN)

    async def test_dots_are_not_sent(self, verifier: GoogleVerifier, server: Server) -> None:
        assert not await verifier.verify("..")
        assert server.requests == []


class TestAccessToken:
    async def test_is_requested_once(
        self, verifier: GoogleVerifier, google: FakeGoogle, server: Server
    ) -> None:
        for _ in range(3):
            await verifier.verify(TOKEN)
        assert [request.path for request in server.requests].count("/token") == 1
        (assertion,) = google.assertions
        assert (assertion["iss"], assertion["scope"]) == (ACCOUNT, SCOPE)

    async def test_is_replaced_after_its_end(
        self, verifier: GoogleVerifier, google: FakeGoogle
    ) -> None:
        google.lifetime = 1
        google.purchases = {PRODUCT: Reply(200, {"purchaseState": 0})}
        assert await verifier.verify(TOKEN)
        assert await verifier.verify(TOKEN)
        assert len(google.assertions) == 2

    @pytest.mark.parametrize(
        ("fault", "level"),
        [
            (Reply(400, {"error": "invalid_grant", "error_description": "canary"}), "error"),
            (Reply(401, {"error": "invalid_client"}), "error"),
            (Reply(200, {"canary": 1}), "error"),
            (Reply(200, b"{"), "warning"),
            (Reply(429), "warning"),
            (Reply(503), "warning"),
            ("cut", "warning"),
            ("hang", "warning"),
        ],
    )
    async def test_failure_makes_the_store_unavailable(
        self,
        verifier: GoogleVerifier,
        google: FakeGoogle,
        fault: Reply | Fault,
        level: str,
        log: LogCapture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "TOKEN_TIMEOUT_SECONDS", 0.2)
        google.token = fault
        with pytest.raises(Unavailable):
            await verifier.verify(TOKEN)
        assert [entry["log_level"] for entry in log.entries] == [level]
        assert "canary" not in str(log.entries) and "PRIVATE" not in str(log.entries)
        google.token = None
        assert not await verifier.verify(TOKEN)


class TestFaults:
    @pytest.mark.parametrize(
        ("path", "fault"),
        [
            *((PRODUCT, fault) for fault in (faults.OUR_FAULTS[0], *faults.THEIR_FAULTS[-5:])),
            *((SUBSCRIPTION, fault) for fault in (*faults.OUR_FAULTS, *faults.THEIR_FAULTS)),
        ],
    )
    async def test_are_unavailable_and_logged_without_the_token(
        self,
        verifier: GoogleVerifier,
        server: Server,
        fault: Reply | Fault,
        path: str,
        log: LogCapture,
    ) -> None:
        google = server.handler
        server.handler = lambda request: fault if request.path == path else google(request)
        with pytest.raises(Unavailable) as caught:
            await verifier.verify(TOKEN)
        assert caught.value.reason == "STORE_UNAVAILABLE"
        ours = fault in faults.OUR_FAULTS
        assert [entry["log_level"] for entry in log.entries] == ["error" if ours else "warning"]
        assert "canary" not in str(log.entries) + str(caught.value)

    async def test_unknown_app_is_logged_as_error(
        self, verifier: GoogleVerifier, google: FakeGoogle, log: LogCapture
    ) -> None:
        google.unknown = error(404, "applicationNotFound")
        with pytest.raises(Unavailable):
            await verifier.verify(TOKEN)
        assert [entry["log_level"] for entry in log.entries] == ["error"]

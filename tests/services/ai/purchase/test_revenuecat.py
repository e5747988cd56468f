"""Verifier of RevenueCat, with a server that responds as documented."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from structlog.testing import LogCapture

from server.errors import Unavailable
from server.services.ai.purchase.model import Store
from server.services.ai.purchase.revenuecat import RevenueCatVerifier
from server.services.ai.purchase.store_client import StoreClient
from tests.services.ai.purchase import faults
from tests.services.ai.purchase.conftest import NOW
from tests.services.ai.purchase.server import Fault, Reply, Request, Server, serving

KEY = "sk_secret"
USER = "$RCAnonymousID:canary-5f1c/../x?y#z%41"
ENCODED = "%24RCAnonymousID%3Acanary-5f1c%2F..%2Fx%3Fy%23z%2541"
V1 = f"/v1/subscribers/{ENCODED}"
V2 = f"/v2/projects/proj1/customers/{ENCODED}/active_entitlements?limit=100"


def v1(entitlement: dict[str, Any] | None, name: str = "pro") -> Reply:
    entitlements = {} if entitlement is None else {name: entitlement}
    return Reply(200, {"subscriber": {"entitlements": entitlements}})


def v2(*names: str) -> Reply:
    items = [
        {"object": "customer.active_entitlement", "entitlement_id": name, "expires_at": None}
        for name in names
    ]
    return Reply(200, {"object": "list", "items": items, "next_page": None})


def answer(request: Request) -> Reply:
    if request.bearer != KEY:
        return Reply(401, {"type": "authentication_error"})
    return {V1: v1({"expires_date": None}), V2: v2("other", "pro")}.get(
        request.path, Reply(404, {"type": "resource_missing"})
    )


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(answer) as server:
        yield server


@pytest.fixture(params=["v1", "v2"])
def verifier(
    server: Server, http: httpx2.AsyncClient, request: pytest.FixtureRequest
) -> RevenueCatVerifier:
    client = StoreClient(http, Store.REVENUE_CAT)
    project = "proj1" if request.param == "v2" else None
    return RevenueCatVerifier(client, server.url, SecretStr(KEY), "pro", project, lambda: NOW)


class TestEntitlement:
    async def test_active_entitlement_is_valid(
        self, verifier: RevenueCatVerifier, server: Server
    ) -> None:
        assert await verifier.verify(USER)
        assert [request.path for request in server.requests] == [V2 if verifier.project else V1]

    async def test_unknown_user_is_invalid(self, verifier: RevenueCatVerifier) -> None:
        assert not await verifier.verify("somebody")

    @pytest.mark.parametrize("user", [".", ".."])
    async def test_dots_are_not_sent(
        self, verifier: RevenueCatVerifier, server: Server, user: str
    ) -> None:
        assert not await verifier.verify(user)
        assert server.requests == []

    @pytest.mark.parametrize("verifier", ["v2"], indirect=True)
    @pytest.mark.parametrize("reply", [v2(), v2("other"), Reply(400, {"type": "parameter_error"})])
    async def test_missing_entitlement_is_invalid_in_v2(
        self, verifier: RevenueCatVerifier, server: Server, reply: Reply
    ) -> None:
        server.override = reply
        assert not await verifier.verify(USER)

    @pytest.mark.parametrize("verifier", ["v1"], indirect=True)
    @pytest.mark.parametrize(
        ("reply", "is_valid"),
        [
            (v1(None), False),
            (v1({"expires_date": None}, "other"), False),
            (v1({"expires_date": None}), True),
            (v1({"expires_date": "2026-06-01T00:00:01Z"}), True),
            (v1({"expires_date": "2026-06-01T00:00:00Z"}), False),
            (v1({"expires_date": "2026-06-01T01:00:01+01:00"}), True),
            (
                v1({"expires_date": "2026-05-31T23:59:59Z", "grace_period_expires_date": None}),
                False,
            ),
            (
                v1(
                    {
                        "expires_date": "2026-05-31T23:59:59Z",
                        "grace_period_expires_date": "2026-06-02T00:00:00Z",
                    }
                ),
                True,
            ),
            (Reply(201, v1(None).body), False),
            (Reply(400, {"code": 7225}), False),
        ],
    )
    async def test_expires_in_v1(
        self, verifier: RevenueCatVerifier, server: Server, reply: Reply, is_valid: bool
    ) -> None:
        server.override = reply
        assert await verifier.verify(USER) is is_valid


class TestFaults:
    @faults.each_fault
    async def test_are_unavailable_and_logged_without_the_token(
        self, verifier: RevenueCatVerifier, server: Server, fault: Reply | Fault, log: LogCapture
    ) -> None:
        server.override = fault
        with pytest.raises(Unavailable) as caught:
            await verifier.verify(USER)
        assert caught.value.reason == "STORE_UNAVAILABLE"
        ours = fault in faults.OUR_FAULTS
        assert [entry["log_level"] for entry in log.entries] == ["error" if ours else "warning"]
        assert "canary" not in str(log.entries) + str(caught.value)
        assert KEY not in str(log.entries)

    async def test_broken_connection_is_retried(
        self, verifier: RevenueCatVerifier, server: Server
    ) -> None:
        server.handler = lambda request: "cut" if len(server.requests) == 1 else answer(request)
        assert await verifier.verify(USER)
        assert len(server.requests) == 2

"""Fixtures: the fake Apple, and a verifier that calls it."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from pydantic import SecretStr

from server.services.ai.purchase.apple import AppleVerifier
from server.services.ai.purchase.apple_receipts import Receipts
from server.services.ai.purchase.apple_transactions import (
    ApiKey,
    SignedTransactions,
    TransactionLookup,
)
from server.services.ai.purchase.model import Store
from server.services.ai.purchase.store_client import StoreClient
from tests.services.ai.purchase.apple.chain import chain
from tests.services.ai.purchase.apple.fake import KEY, SECRET, FakeApple
from tests.services.ai.purchase.conftest import NOW
from tests.services.ai.purchase.server import Server, serving


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

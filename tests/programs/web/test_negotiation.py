"""Negotiation, and admission of connections."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from .client import Front
from .conftest import serving
from .fake_api import GOOD_KEY, FakeAi

HUBS = ["/ai-chat", "/ai-chat-v2", "/v2/ai-chat", "/v2/ai-chat-v2"]
GOOD = {"authorization": "Bearer Web good"}


def info(reason: str) -> list[dict[str, Any]]:
    """Return the details of an error."""
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "gymlocker",
            "metadata": {},
        }
    ]


NOT_GOOD = {
    "code": 16,
    "message": "The token is not good.",
    "details": info("INVALID_PURCHASE_TOKEN"),
}
AWAY = {
    "code": 14,
    "message": "The store is out of reach.",
    "details": info("STORE_UNAVAILABLE"),
}


@pytest.mark.parametrize("hub", HUBS)
async def test_offers_only_websockets(front: Front, hub: str) -> None:
    offer = (await front.post(f"{hub}/negotiate?negotiateVersion=1", GOOD)).json()
    transports = [{"transport": "WebSockets", "transferFormats": ["Text"]}]
    assert offer.pop("availableTransports") == transports
    assert offer.pop("negotiateVersion") == 1
    assert offer["connectionId"] != offer["connectionToken"]
    assert set(offer) == {"connectionId", "connectionToken"}


async def test_old_clients_get_no_connection_token(front: Front) -> None:
    for query in ("", "?negotiateVersion=0", "?negotiateVersion=x"):
        offer = (await front.post(f"/ai-chat/negotiate{query}", GOOD)).json()
        assert set(offer) == {"connectionId", "negotiateVersion", "availableTransports"}
        assert offer["negotiateVersion"] == 0


async def test_newer_clients_get_our_version(front: Front) -> None:
    for version in ("7", "01", "9" * 5000):
        response = await front.post(f"/ai-chat/negotiate?negotiateVersion={version}", GOOD)
        assert response.json()["negotiateVersion"] == 1


SENT_TOKENS: list[tuple[dict[str, str], str, str]] = [
    ({"authorization": "Web good"}, "", "Web good"),
    ({"authorization": "Bearer Web good"}, "", "Bearer Web good"),
    ({}, "?access_token=Web%20good", "Web good"),
    ({}, "?access_token=Web+good", "Web good"),
    ({"authorization": "Basic of-a-proxy"}, "?access_token=Web%20good", "Web good"),
    (GOOD, "?access_token=", "Bearer Web good"),
]


async def test_passes_token_on_as_sent(front: Front, api: FakeAi) -> None:
    for headers, query, sent in SENT_TOKENS:
        assert (await front.post(f"/ai-chat/negotiate{query}", headers)).status_code == 200
        assert api.checks[-1]["authorization"] == sent


KEY = {"x-api-key": GOOD_KEY}
KEYS: list[tuple[dict[str, str], str]] = [
    (KEY, ""),
    (KEY | {"authorization": "Bearer Web bad"}, ""),
    (KEY | {"authorization": "Basic of-a-proxy"}, ""),
    (KEY, "?access_token=stale"),
    ({}, f"?access_token={GOOD_KEY}"),
    # The form in which SignalR's client sends its token.
    ({"authorization": f"Bearer {GOOD_KEY}"}, ""),
    ({"authorization": GOOD_KEY}, ""),
    ({"x-api-key": "stale"}, f"?access_token={GOOD_KEY}"),
    ({"x-api-key": "stale"}, "?access_token=Web%20good"),
    ({"x-api-key": "stale", **GOOD}, ""),
]


async def test_accepts_api_key_in_place_of_token(front: Front, api: FakeAi) -> None:
    for headers, query in KEYS:
        assert (await front.post(f"/ai-chat/negotiate{query}", headers)).status_code == 200
    async with front.connect(token=None, additional_headers=KEY) as signal:
        await signal.invoke("Introduce", "en-AU")
    async with front.connect(token=GOOD_KEY) as signal:
        await signal.invoke("Introduce", "en-AU")
    assert [chat["x-api-key"] for chat in api.chats] == [GOOD_KEY] * 2


@pytest.mark.parametrize("hub", HUBS)
async def test_disabled_feature_is_423(front: Front, hub: str) -> None:
    refusal = await front.post(f"{hub}/negotiate", {"authorization": "Web off"})
    assert (refusal.status_code, refusal.json()["details"]) == (423, info("FEATURE_DISABLED"))
    assert "x-http-status" not in refusal.headers
    with pytest.raises(InvalidStatus, match="423"):
        async with front.socket(hub, token="Web off"):
            pass


async def test_passes_trace_on_as_sent(front: Front, api: FakeAi) -> None:
    sent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    await front.post("/ai-chat/negotiate", GOOD | sent)
    async with front.connect(additional_headers=sent) as client:
        await client.invoke("SendMessage", "hello")
    assert [each["traceparent"] for each in (*api.checks, *api.chats)] == [*sent.values()] * 3
    await front.post("/ai-chat/negotiate", GOOD)
    assert "traceparent" not in api.checks[-1]


REFUSED: list[tuple[dict[str, str], str]] = [
    ({}, ""),
    ({"authorization": "Bearer Web bad"}, ""),
    ({}, "?access_token=Web%20bad"),
    ({}, "?access_token=Web%20good%0a"),
    ({}, "?access_token=%F0%9F%92%AA"),
    ({}, "?access_token=" + "x" * 20_000),
]


@pytest.mark.parametrize("hub", HUBS)
async def test_invalid_token_is_401(front: Front, hub: str) -> None:
    for headers, query in REFUSED:
        refusal = await front.post(f"{hub}/negotiate{query}", headers)
        assert (refusal.status_code, refusal.json()) == (401, NOT_GOOD)
        assert refusal.headers["content-type"] == "application/json"
        assert refusal.headers["www-authenticate"] == 'Bearer realm="gymlocker"'


async def test_unreachable_store_is_503(front: Front) -> None:
    refusal = await front.post("/ai-chat/negotiate", {"authorization": "Web away"})
    assert (refusal.status_code, refusal.json()) == (503, AWAY)


async def test_unreachable_api_is_503() -> None:
    async with serving("unix:/nowhere/a.sock", "unix:/nowhere/b.sock") as front:
        refusal = await front.post("/ai-chat/negotiate", GOOD)
        body = refusal.json()
        assert (refusal.status_code, body["code"]) == (503, 14)
        assert body["details"][:1] == info("UNAVAILABLE")
        assert body["details"][1]["retryDelay"] == "1s"
        assert refusal.headers["retry-after"] == "1"
        assert "nowhere" not in refusal.text


async def test_skips_unreachable_worker(api: FakeAi) -> None:
    async with serving(api.address, "unix:/nowhere/api.sock") as front:
        for _ in range(4):
            assert (await front.post("/ai-chat/negotiate", GOOD)).status_code == 200


@pytest.mark.parametrize(
    ("token", "status", "code"), [("Web bad", 401, 16), (None, 401, 16), ("Web away", 503, 14)]
)
async def test_checks_token_without_negotiation(
    front: Front, api: FakeAi, token: str | None, status: int, code: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with front.socket(token=token):
            pass
    response = refused.value.response
    assert response.status_code == status
    assert b'"code":%d,' % code in (response.body or b"")
    assert api.chats == []


async def test_rejects_connections_beyond_limit(api: FakeAi) -> None:
    async with serving(api.address, connections=1) as front:
        async with front.connect():
            with pytest.raises(InvalidStatus, match="503"):
                async with front.socket():
                    pass
            assert (await front.post("/ai-chat/negotiate", GOOD)).status_code == 503
        async with asyncio.timeout(5):
            while (await front.post("/ai-chat/negotiate", GOOD)).status_code != 200:
                await asyncio.sleep(0.01)


async def test_rejects_connections_beyond_limit_of_network(api: FakeAi) -> None:
    async with (
        serving(api.address, connections=2, connections_of_network=1) as front,
        AsyncExitStack() as stack,
    ):
        await stack.enter_async_context(front.connect())
        with pytest.raises(InvalidStatus, match="429"):
            await stack.enter_async_context(front.socket())
        refusal = await front.post("/ai-chat/negotiate", GOOD)
        assert refusal.json()["details"][0]["reason"] == "TOO_MANY_CALLS"
        assert refusal.headers["retry-after"] == "1"
        there = GOOD | {"x-client-address": "192.0.2.1"}
        assert (await front.post("/ai-chat/negotiate", there)).status_code == 200


async def test_unknown_path_is_404(front: Front) -> None:
    for path in ("/nothing", *HUBS, "/ai-chat/negotiate/", "/v3/ai-chat/negotiate"):
        response = await front.post(path)
        assert (response.status_code, response.json()["code"]) == (404, 5)
        assert response.json()["details"] == info("UNKNOWN_PATH")


async def test_negotiation_requires_post(front: Front) -> None:
    for hub in HUBS:
        options = await front.options(f"{hub}/negotiate")
        assert (options.status_code, options.headers["allow"]) == (204, "POST, OPTIONS")
        response = await front.get(f"{hub}/negotiate")
        assert (response.status_code, response.headers["allow"]) == (405, "POST, OPTIONS")
        assert response.json()["details"] == info("METHOD_NOT_ALLOWED")


async def test_long_token_is_401(front: Front) -> None:
    """Old apps send receipts as tokens."""
    token = f"Apple {'a' * 16_000}"
    with pytest.raises(InvalidStatus) as caught:
        async with front.connect(token=token):
            pass
    assert caught.value.response.status_code == 401

"""Keys of this server instead of a purchase token."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from gymlocker.v2 import ai_pb2

from tests.services.ai.calling import API_KEY, BUYER, LIMIT, Stub, detail, left, status_in
from tests.services.ai.planner.model_server import ModelServer
from tests.services.ai.test_service import METHODS, quota, session

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = (("x-api-key", API_KEY),)
STALE = (("x-api-key", "stale"),)
QUOTA = ai_pb2.GetQuotaRequest()
# As many wrong ones as an address may have, unless it is set.
FAILURES = 100

Metadata = tuple[tuple[str, str], ...]


def at(*addresses: str) -> Metadata:
    """From an address, as Envoy says it."""
    return tuple(("x-client-address", address) for address in addresses)


def new_address() -> str:
    """An address from which nothing came so far."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


async def refusal(ai: Stub, metadata: Metadata) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await quota(ai, metadata)
    error: grpc.aio.AioRpcError = caught.value
    return error


def reason(error: grpc.aio.AioRpcError) -> str:
    return str(detail(status_in(error), ErrorInfo).reason)


@pytest.mark.parametrize("method", [*METHODS[:2], *METHODS[3:]])
@pytest.mark.parametrize(
    "beside",
    [(), (("authorization", "Basic of-a-proxy"),), (("authorization", "Web wrong"),), STALE],
    ids=["alone", "proxy", "wrong token", "stale key"],
)
async def test_a_good_key_counts_whatever_else_is_said(
    ai: Stub, method: Callable[..., Any], beside: Metadata
) -> None:
    await method(ai, (*beside, *KEY))


async def test_a_key_may_talk(ai: Stub) -> None:
    call = ai.Chat(metadata=KEY)
    assert dict(await call.initial_metadata())["x-quota-limit"] == str(LIMIT)


async def test_a_key_has_a_quota_of_its_own(
    ai: Stub, model: ModelServer, connection: asyncpg.Connection
) -> None:
    # Of two that are good, the key counts.
    await session(ai, (*BUYER, *KEY))
    reply = await ai.GetQuota(QUOTA, metadata=KEY)
    assert (reply.limit, reply.remaining) == (LIMIT, LIMIT - 1)
    assert await left(ai) == LIMIT
    hashed = hashlib.sha256(API_KEY.encode()).hexdigest().upper()
    counted = "SELECT cardinality(requests) FROM rate_limit_consumptions WHERE key = $1"
    assert await connection.fetchval(counted, hashed) == 1


@pytest.mark.parametrize("key", ["stale", f"{API_KEY}x", API_KEY[:-1], API_KEY.upper()])
async def test_a_wrong_key_is_refused(ai: Stub, key: str) -> None:
    error = await refusal(ai, (("x-api-key", key), *at(new_address())))
    assert (error.code(), reason(error)) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY")


async def test_an_empty_key_is_none(ai: Stub) -> None:
    await quota(ai, (("x-api-key", " "), *BUYER))
    assert reason(await refusal(ai, (("x-api-key", " "),))) == "PURCHASE_TOKEN_MISSING"


async def test_a_stale_key_beside_a_good_token_is_not_counted(ai: Stub) -> None:
    here = at(new_address())
    for _ in range(FAILURES + 1):
        await quota(ai, (*STALE, *BUYER, *here))
    assert reason(await refusal(ai, (*STALE, *here))) == "INVALID_API_KEY"


async def test_guesses_are_counted_for_their_address(ai: Stub) -> None:
    here = at(new_address())
    # Whatever stands beside them.
    foreign = (("authorization", "Basic of-a-proxy"),)
    for number in range(FAILURES):
        error = await refusal(ai, (("x-api-key", f"guess-{number}"), *foreign, *here))
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED
    error = await refusal(ai, (*STALE, *here))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(error) == "TOO_MANY_API_KEYS"
    assert detail(status_in(error), RetryInfo).retry_delay.seconds >= 1
    # Nobody else notices.
    await quota(ai, (*KEY, *here))
    assert reason(await refusal(ai, (*STALE, *at(new_address())))) == "INVALID_API_KEY"

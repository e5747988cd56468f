"""API keys of this server in place of a purchase token."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from gymlocker.v2 import ai_pb2

from server.libraries.database.pool import Database
from server.services.auth.access_key_repository import AccessKeyRepository, NewAccessKey
from server.services.auth.access_keys import new_key
from server.services.credentials.password_hashing import HashedPassword
from server.services.user.repository import UserRepository
from tests.services.ai.calls import (
    API_KEY,
    BUYER,
    LIMIT,
    METHODS,
    Stub,
    detail,
    generate_session,
    get_quota,
    remaining_answers,
    status_in,
)
from tests.services.ai.planner.model_server import ModelServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = (("x-api-key", API_KEY),)
STALE = (("x-api-key", "stale"),)
QUOTA = ai_pb2.GetQuotaRequest()
# The default limit of wrong keys from one address.
FAILURES = 100

Metadata = tuple[tuple[str, str], ...]


def at(*addresses: str) -> Metadata:
    """Return the metadata in which Envoy sends an address."""
    return tuple(("x-client-address", address) for address in addresses)


def new_address() -> str:
    """Return an address that has sent no request."""
    return f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"


async def refusal(ai: Stub, metadata: Metadata) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get_quota(ai, metadata)
    error: grpc.aio.AioRpcError = caught.value
    return error


def reason(error: grpc.aio.AioRpcError) -> str:
    return str(detail(status_in(error), ErrorInfo).reason)


class TestApiKey:
    @pytest.mark.parametrize("method", [*METHODS[:2], *METHODS[3:]])
    @pytest.mark.parametrize(
        "beside",
        [(), (("authorization", "Basic of-a-proxy"),), (("authorization", "Web wrong"),), STALE],
        ids=["alone", "proxy", "wrong token", "stale key"],
    )
    async def test_valid_key_is_enough_beside_any_header(
        self, ai: Stub, method: Callable[..., Any], beside: Metadata
    ) -> None:
        await method(ai, (*beside, *KEY))

    async def test_valid_key_opens_a_chat(self, ai: Stub) -> None:
        call = ai.Chat(metadata=KEY)
        assert dict(await call.initial_metadata())["x-quota-limit"] == str(LIMIT)

    async def test_has_a_quota_of_its_own(
        self, ai: Stub, model: ModelServer, connection: asyncpg.Connection
    ) -> None:
        # The key is charged if both are valid.
        await generate_session(ai, (*BUYER, *KEY))
        response = await ai.GetQuota(QUOTA, metadata=KEY)
        assert (response.limit, response.remaining) == (LIMIT, LIMIT - 1)
        assert await remaining_answers(ai) == LIMIT
        hashed = hashlib.sha256(API_KEY.encode()).hexdigest().upper()
        counted = "SELECT cardinality(requests) FROM rate_limit_consumptions WHERE key = $1"
        assert await connection.fetchval(counted, hashed) == 1

    @pytest.mark.parametrize("key", ["stale", f"{API_KEY}x", API_KEY[:-1], API_KEY.upper()])
    async def test_rejects_wrong_key(self, ai: Stub, key: str) -> None:
        error = await refusal(ai, (("x-api-key", key), *at(new_address())))
        assert (error.code(), reason(error)) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY")

    async def test_ignores_empty_key(self, ai: Stub) -> None:
        await get_quota(ai, (("x-api-key", " "), *BUYER))
        assert reason(await refusal(ai, (("x-api-key", " "),))) == "PURCHASE_TOKEN_MISSING"

    async def test_does_not_count_wrong_key_beside_valid_token(self, ai: Stub) -> None:
        here = at(new_address())
        for _ in range(FAILURES + 1):
            await get_quota(ai, (*STALE, *BUYER, *here))
        assert reason(await refusal(ai, (*STALE, *here))) == "INVALID_API_KEY"

    async def test_limits_wrong_keys_from_an_address(self, ai: Stub) -> None:
        here = at(new_address())
        # A foreign header beside them does not matter.
        foreign = (("authorization", "Basic of-a-proxy"),)
        for number in range(FAILURES):
            error = await refusal(ai, (("x-api-key", f"guess-{number}"), *foreign, *here))
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        error = await refusal(ai, (*STALE, *here))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason(error) == "TOO_MANY_API_KEYS"
        assert detail(status_in(error), RetryInfo).retry_delay.seconds >= 1
        # Valid keys and other addresses are not affected.
        await get_quota(ai, (*KEY, *here))
        assert reason(await refusal(ai, (*STALE, *at(new_address())))) == "INVALID_API_KEY"


class TestAccessKey:
    """Access keys of users: see tests/services/auth for their scopes."""

    @pytest.mark.parametrize("header", ["x-api-key", "authorization"])
    async def test_with_the_scope_has_a_quota_of_its_own(
        self, ai: Stub, model: ModelServer, quota_database: str, header: str
    ) -> None:
        keys = [await new_access_key(quota_database, "planner") for _ in range(2)]
        first, second = [
            ((header, key if header == "x-api-key" else f"Bearer {key}"),) for key in keys
        ]
        await generate_session(ai, first)
        left = [(await ai.GetQuota(QUOTA, metadata=each)).remaining for each in (first, second)]
        assert left == [LIMIT - 1, LIMIT]

    @pytest.mark.parametrize("beside", [(), BUYER], ids=["alone", "purchase token"])
    async def test_without_the_scope_is_refused_whatever_is_beside_it(
        self, ai: Stub, quota_database: str, beside: Metadata
    ) -> None:
        key = await new_access_key(quota_database, "feed")
        error = await refusal(ai, (("x-api-key", key), *beside))
        assert (error.code(), reason(error)) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "SCOPE_MISSING",
        )
        assert detail(status_in(error), ErrorInfo).metadata == {"scopes": "planner"}

    async def test_unknown_one_is_counted_only_without_a_purchase_token(self, ai: Stub) -> None:
        unknown, here = f"glk_{'a' * 43}", at(new_address())
        await get_quota(ai, (("x-api-key", unknown), *BUYER, *here))
        error = await refusal(ai, (("authorization", f"Bearer {unknown}"), *here))
        assert reason(error) == "INVALID_API_KEY"


async def new_access_key(url: str, *scopes: str) -> str:
    """Store a key of a new user in the database of the worker."""
    key = new_key()
    async with Database(url, pool_size=1) as database:
        user_id = uuid4()
        await UserRepository(database).create(user_id, HashedPassword("AB", b""))
        await AccessKeyRepository(database).create(user_id, NewAccessKey(key, "test", list(scopes)))
    return key

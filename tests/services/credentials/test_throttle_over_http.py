"""Guessing through the front door, which says who calls from where."""

from uuid import uuid4

import asyncpg
import httpx2
from grpc import StatusCode

from tests.services.credentials.failures import (
    SECONDS_PER_ACCOUNT,
    WRONG,
    forgive_in,
    forgiven_at,
    key_of,
)
from tests.support.rest import error_of


async def test_nobody_can_say_that_they_call_from_elsewhere(
    rest: httpx2.AsyncClient, database: asyncpg.Connection
) -> None:
    await database.execute(
        "DELETE FROM password_failures WHERE key = $1", key_of("address", "127.0.0.1")
    )
    elsewhere = {"x-client-address": "198.51.100.7", "x-forwarded-for": "198.51.100.7"}
    body = {"username": f"nobody {uuid4()}", "password": WRONG}
    error_of(await rest.post("/auth/login", json=body, headers=elsewhere), 401)
    assert await forgiven_at(database, "address", "198.51.100.7") is None
    assert await forgiven_at(database, "address", "127.0.0.1") is not None


async def test_over_http_it_is_429_and_says_when_to_try_again(
    rest: httpx2.AsyncClient, database: asyncpg.Connection
) -> None:
    name = f"nobody {uuid4()}"
    # The house allows a million.
    await forgive_in(1_000_000 * SECONDS_PER_ACCOUNT, database, "account", name, "127.0.0.1")
    body = {"username": name, "password": WRONG}
    response = await rest.post("/auth/login", json=body)
    error = error_of(response, 429)
    assert error["code"] == StatusCode.RESOURCE_EXHAUSTED.value[0]
    info, retry = error["details"]
    assert info["reason"] == "TOO_MANY_PASSWORDS"
    seconds = int(response.headers["retry-after"])
    assert 0 < seconds <= SECONDS_PER_ACCOUNT
    assert retry["retryDelay"] == f"{seconds}s"

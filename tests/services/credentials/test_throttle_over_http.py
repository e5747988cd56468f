"""Limits of wrong passwords over HTTP, where Envoy states the address of the client."""

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


class TestLogin:
    async def test_ignores_address_headers_of_the_client(
        self, rest: httpx2.AsyncClient, database: asyncpg.Connection
    ) -> None:
        await database.execute(
            "DELETE FROM password_failures WHERE key = $1", key_of("address", "127.0.0.1")
        )
        elsewhere = {"x-client-address": "198.51.100.7", "x-forwarded-for": "198.51.100.7"}
        body = {"username": f"nobody {uuid4()}", "password": WRONG}
        error_of(await rest.post("/auth/login", json=body, headers=elsewhere), 401)
        assert await forgiven_at(database, "address", "198.51.100.7") is None
        assert await forgiven_at(database, "address", "127.0.0.1") is not None

    async def test_too_many_passwords_is_429_with_retry_after(
        self, rest: httpx2.AsyncClient, database: asyncpg.Connection
    ) -> None:
        name = f"nobody {uuid4()}"
        # The stack allows a million.
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

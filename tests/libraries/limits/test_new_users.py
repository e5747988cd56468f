"""Rate limit of new users and accounts of one address and one network."""

from uuid import uuid4

import asyncpg
import httpx2
import pytest
from gymlocker.v2 import auth_pb2

from server.libraries.limits.bucket_repository import bucket_key
from tests.libraries.limits.conftest import NEW_USERS, LimitedStack, World
from tests.libraries.limits.refusals import refused_for
from tests.services.credentials.failures import forgive_in


def registration() -> auth_pb2.RegisterRequest:
    return auth_pb2.RegisterRequest(username=f"somebody {uuid4()}", password="a good password")


class TestNewUsers:
    async def test_counts_users_and_accounts_together(
        self, world: World, connection: asyncpg.Connection
    ) -> None:
        network = world.network()
        client = network.client()
        assert NEW_USERS == 2
        await client.created_user()
        await client.accounts.Register(registration())
        before = await connection.fetchval("SELECT count(*) FROM users")
        for _ in range(2):
            with refused_for("TOO_MANY_NEW_USERS"):
                await client.created_user()
            with refused_for("TOO_MANY_NEW_USERS"):
                await client.accounts.Register(registration())
        assert await connection.fetchval("SELECT count(*) FROM users") == before
        # Another address of the network is not limited.
        await network.client(host=2).created_user()

    @pytest.mark.parametrize(
        ("name", "inside", "outside"),
        [
            ("203.0.113.0/24", "203.0.113.77", "203.0.112.77"),
            ("2001:db8:7::/48", "2001:db8:7:ffff::1", "2001:db8:8:ffff::1"),
        ],
    )
    async def test_limits_network_to_ten_times_the_rate_of_an_address(
        self, world: World, connection: asyncpg.Connection, name: str, inside: str, outside: str
    ) -> None:
        network = world.network()
        # The rate of the network is used up, and one more fits some seconds later.
        seconds = 60 * NEW_USERS - 3
        await forgive_in(seconds, connection, "new users of a network", name)
        await connection.execute(
            "DELETE FROM password_failures WHERE key = ANY($1)",
            [bucket_key("new users of an address", key) for key in (inside, outside)],
        )
        with refused_for("TOO_MANY_NEW_USERS"):
            await network.at(inside).created_user()
        await network.at(outside).created_user()

    async def test_returns_429_with_retry_after_over_rest(
        self, limited_stack: LimitedStack
    ) -> None:
        headers = {"x-forwarded-for": "198.51.100.9"}
        async with httpx2.AsyncClient(base_url=limited_stack.stack.url, headers=headers) as http:
            for _ in range(NEW_USERS):
                assert (await http.post("/user/create", json={})).status_code == 200
            response = await http.post("/v2/user/create", json={})
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= 60
        assert response.json()["details"][0]["reason"] == "TOO_MANY_NEW_USERS"

"""Identities without an account: nobody can become one of them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from gymlocker.v2 import auth_pb2

from server.libraries.database.pool import Database
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.auth.identity_repository import Identity, IdentityRepository
from tests.services.auth.accounts import PASSWORD, claim, login, new_name, refusal, register
from tests.support.client import Client
from tests.support.stack import Stack


@pytest.fixture
async def identities(
    stack: Stack, postgres: TemporaryPostgres
) -> AsyncIterator[IdentityRepository]:
    """Yield the identities of the `stack`."""
    async with Database(postgres.url("gymlocker"), pool_size=1) as database:
        yield IdentityRepository(database)


class TestIdentityRepository:
    async def test_concurrent_calls_create_one(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        repository = IdentityRepository(pool)
        found = await asyncio.gather(
            *[repository.forwarded("ann") for _ in range(8)],
            *[repository.default() for _ in range(8)],
        )
        assert len(set(found[:8])) == len(set(found[8:])) == 1
        assert await connection.fetchval("SELECT count(*) FROM users") == 2

    async def test_forwarded_name_differs_from_the_shared_key(self, pool: Database) -> None:
        repository = IdentityRepository(pool)
        names = ("", "default", "forwarded", "default ")
        found = [await repository.forwarded(name) for name in names]
        assert len({await repository.default(), *found}) == len(names) + 1


class TestLogin:
    async def test_is_refused_by_every_name(
        self, one_client: Client, identities: IdentityRepository, database: asyncpg.Connection
    ) -> None:
        name = new_name()
        for identity in (await identities.default(), await identities.forwarded(name)):
            lookup = await database.fetchval(
                "SELECT user_lookup FROM users WHERE id = $1", identity.user_id
            )
            for typed in (str(identity.user_id), lookup):
                # The hash that is stored is no password either.
                for password in ("\u00a0", "0" * 128, PASSWORD):
                    refused = await refusal(login(one_client, typed, password))
                    assert refused == "UNAUTHENTICATED WRONG_PASSWORD"
        assert await refusal(login(one_client, name)) == "UNAUTHENTICATED WRONG_PASSWORD"

    async def test_registered_or_claimed_name_is_another_user(
        self, one_client: Client, identities: IdentityRepository
    ) -> None:
        first, second = new_name("x"), new_name("y")
        before: list[Identity] = [await identities.forwarded(name) for name in (first, second)]
        account = await register(one_client, first)
        tokens = await one_client.login(await one_client.new_user())
        claimed = await claim(one_client, tokens, second)
        assert [await identities.forwarded(name) for name in (first, second)] == before
        assert not {account.id, claimed.id} & {str(each.user_id) for each in before}

    async def test_default_is_an_ordinary_name(
        self, one_client: Client, identities: IdentityRepository
    ) -> None:
        before = await identities.default()
        tokens: auth_pb2.Tokens = await one_client.login(await one_client.new_user())
        account = await claim(one_client, tokens, "default")
        assert await identities.default() == before
        assert account.id != str(before.user_id)

"""The limit of guessing: how many failures an account and an address have, and until when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import pytest

from server.errors import ResourceExhausted
from server.libraries.database.pool import Database
from server.libraries.limits.bucket_repository import BucketRepository
from server.libraries.network.client_network import network_of
from server.programs.local.temporary_postgres import ThrowawayPostgres
from server.services.credentials.throttle import ANYWHERE, GuessThrottle
from tests.services.credentials.failures import (
    PER_ACCOUNT,
    PER_ADDRESS,
    SECONDS_PER_ACCOUNT,
    forgive_in,
    forgiven_at,
    someone,
    somewhere,
)
from tests.support.stack import Stack


@pytest.fixture
async def limits(stack: Stack, postgres: ThrowawayPostgres) -> AsyncIterator[list[GuessThrottle]]:
    """The limits of two workers."""
    async with AsyncExitStack() as resources:
        databases = [
            await resources.enter_async_context(Database(postgres.url("gymlocker"), pool_size=5))
            for _ in range(2)
        ]
        yield [
            GuessThrottle(
                BucketRepository(database),
                per_account=PER_ACCOUNT,
                per_address=PER_ADDRESS,
                known_seconds=3600,
            )
            for database in databases
        ]


async def wait_of(limit: GuessThrottle, account: str, address: str) -> int:
    """For how many seconds nothing may be tried; 0: it may be tried now."""
    try:
        await limit.check(account, address)
    except ResourceExhausted as error:
        return error.retry_after
    return 0


async def test_as_many_failures_as_the_limit_says_are_taken_and_not_one_more(
    limits: list[GuessThrottle],
) -> None:
    account, address = someone(), somewhere()
    for _ in range(PER_ACCOUNT):
        assert await wait_of(limits[0], account, address) == 0
        await limits[0].failed(account, address)
    assert await wait_of(limits[0], account, address) in range(50, SECONDS_PER_ACCOUNT + 1)
    # A guesser stands in nobody's way who calls from elsewhere.
    assert await wait_of(limits[0], account, somewhere()) == 0
    assert await wait_of(limits[0], someone(), address) == 0


async def test_an_account_has_a_limit_over_all_addresses(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account, most = someone(), PER_ACCOUNT * ANYWHERE
    seconds = SECONDS_PER_ACCOUNT / ANYWHERE
    await forgive_in((most - 1) * seconds - 1, database, "anywhere", account)
    assert await wait_of(limits[0], account, somewhere()) == 0
    await limits[0].failed(account, somewhere())
    assert await wait_of(limits[0], account, somewhere()) in range(1, 7)
    assert await wait_of(limits[0], someone(), somewhere()) == 0


async def test_an_address_has_a_limit_of_its_own_over_all_accounts(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    address = somewhere()
    for _ in range(PER_ADDRESS - 1):
        await limits[0].failed(someone(), address)
    # Slow machines forgive what they should count: one each second.
    await forgive_in(PER_ADDRESS - 1, database, "address", address)
    assert await wait_of(limits[0], someone(), address) == 0
    await forgive_in(PER_ADDRESS + 20, database, "address", address)
    assert await wait_of(limits[0], someone(), address) in range(15, 22)
    assert await wait_of(limits[0], someone(), somewhere()) == 0


async def test_from_a_known_address_the_accounts_own_failures_there_count_alone(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    await limits[0].succeeded(account, address)
    await forgive_in(86400, database, "address", address)
    await forgive_in(86400, database, "anywhere", account)
    assert await wait_of(limits[1], account, address) == 0
    assert await wait_of(limits[1], someone(), address) > 0
    assert await wait_of(limits[1], account, somewhere()) > 0
    refused = [await limits[0].failed(account, address) for _ in range(PER_ACCOUNT)]
    assert refused[:-1] == [0] * (PER_ACCOUNT - 1)
    assert 50 < refused[-1] <= SECONDS_PER_ACCOUNT
    assert await wait_of(limits[1], account, address) > 0
    # It is known for a while.
    await forgive_in(0, database, "account", account, address)
    await forgive_in(0, database, "known", account, address)
    assert await wait_of(limits[1], account, address) > 0


async def test_all_workers_count_together(limits: list[GuessThrottle]) -> None:
    account, address = someone(), somewhere()
    for number in range(PER_ACCOUNT):
        assert await wait_of(limits[number % 2], account, address) == 0
        await limits[number % 2].failed(account, address)
    for limit in limits:
        assert await wait_of(limit, account, address) > 0


async def test_no_failure_is_lost_among_many_at_the_same_time(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account = someone()
    addresses = [somewhere(), somewhere()]
    await asyncio.gather(*[limits[n % 2].failed(account, addresses[n % 2]) for n in range(20)])
    query = "SELECT extract(epoch FROM $1::timestamptz - now())"
    left = await database.fetchval(query, await forgiven_at(database, "anywhere", account))
    seconds = SECONDS_PER_ACCOUNT / ANYWHERE
    assert 19 * seconds < left <= 20 * seconds


async def test_failures_are_forgiven_one_by_one(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    # The first of three was forgiven a second ago.
    await forgive_in(2 * SECONDS_PER_ACCOUNT - 1, database, "account", account, address)
    assert await wait_of(limits[0], account, address) == 0
    await limits[0].failed(account, address)
    assert await wait_of(limits[0], account, address) in range(50, SECONDS_PER_ACCOUNT)


async def test_what_was_forgiven_long_ago_is_no_credit(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    await forgive_in(-86400, database, "account", account, address)
    for _ in range(PER_ACCOUNT):
        assert await wait_of(limits[0], account, address) == 0
        await limits[0].failed(account, address)
    assert await wait_of(limits[0], account, address) > 0


async def test_checking_costs_nothing(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    for _ in range(PER_ADDRESS + 1):
        assert await wait_of(limits[0], account, address) == 0
    assert await forgiven_at(database, "account", account, address) is None
    assert await forgiven_at(database, "address", address) is None


async def test_an_account_and_an_address_of_the_same_name_are_not_the_same(
    limits: list[GuessThrottle],
) -> None:
    name, address = someone(), somewhere()
    for _ in range(PER_ACCOUNT):
        await limits[0].failed(name, address)
    assert await wait_of(limits[0], name, address) > 0
    assert await wait_of(limits[0], someone(), name) == 0


async def test_the_addresses_of_one_household_count_together(
    limits: list[GuessThrottle], database: asyncpg.Connection
) -> None:
    household = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"
    await limits[0].failed(someone(), f"{household}::1")
    await limits[0].failed(someone(), f"{household}:ffff:ffff:ffff:ffff")
    network = network_of(f"{household}:1:2:3:4")
    assert await forgiven_at(database, "address", network) is not None
    await forgive_in(PER_ADDRESS + 20, database, "address", network)
    assert await wait_of(limits[0], someone(), f"{household}:a:b:c:d") > 0

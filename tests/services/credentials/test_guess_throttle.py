"""GuessThrottle: limits of accounts and addresses, counted by several workers."""

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
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.credentials.guess_throttle import ANYWHERE, GuessThrottle
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
async def throttles(
    stack: Stack, postgres: TemporaryPostgres
) -> AsyncIterator[list[GuessThrottle]]:
    """Yield the throttles of two workers."""
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


async def wait_of(throttle: GuessThrottle, account: str, address: str) -> int:
    """Return for how many seconds attempts are refused, 0 if they are not."""
    try:
        await throttle.check(account, address)
    except ResourceExhausted as error:
        return error.retry_after
    return 0


class TestGuessThrottle:
    async def test_refuses_account_at_address_beyond_limit(
        self,
        throttles: list[GuessThrottle],
    ) -> None:
        account, address = someone(), somewhere()
        for _ in range(PER_ACCOUNT):
            assert await wait_of(throttles[0], account, address) == 0
            await throttles[0].failed(account, address)
        assert await wait_of(throttles[0], account, address) in range(50, SECONDS_PER_ACCOUNT + 1)
        # Other addresses and other accounts are not affected.
        assert await wait_of(throttles[0], account, somewhere()) == 0
        assert await wait_of(throttles[0], someone(), address) == 0

    async def test_refuses_account_beyond_limit_of_all_addresses(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account, maximum = someone(), PER_ACCOUNT * ANYWHERE
        seconds = SECONDS_PER_ACCOUNT / ANYWHERE
        await forgive_in((maximum - 1) * seconds - 1, database, "anywhere", account)
        assert await wait_of(throttles[0], account, somewhere()) == 0
        await throttles[0].failed(account, somewhere())
        assert await wait_of(throttles[0], account, somewhere()) in range(1, 7)
        assert await wait_of(throttles[0], someone(), somewhere()) == 0

    async def test_refuses_address_beyond_limit_of_all_accounts(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        address = somewhere()
        for _ in range(PER_ADDRESS - 1):
            await throttles[0].failed(someone(), address)
        # A failure expires each second, so a slow machine may have lost some.
        await forgive_in(PER_ADDRESS - 1, database, "address", address)
        assert await wait_of(throttles[0], someone(), address) == 0
        await forgive_in(PER_ADDRESS + 20, database, "address", address)
        assert await wait_of(throttles[0], someone(), address) in range(15, 22)
        assert await wait_of(throttles[0], someone(), somewhere()) == 0

    async def test_known_address_is_limited_only_by_failures_of_the_account(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account, address = someone(), somewhere()
        await throttles[0].succeeded(account, address)
        await forgive_in(86400, database, "address", address)
        await forgive_in(86400, database, "anywhere", account)
        assert await wait_of(throttles[1], account, address) == 0
        assert await wait_of(throttles[1], someone(), address) > 0
        assert await wait_of(throttles[1], account, somewhere()) > 0
        refused = [await throttles[0].failed(account, address) for _ in range(PER_ACCOUNT)]
        assert refused[:-1] == [0] * (PER_ACCOUNT - 1)
        assert 50 < refused[-1] <= SECONDS_PER_ACCOUNT
        assert await wait_of(throttles[1], account, address) > 0
        # The address becomes unknown after a while.
        await forgive_in(0, database, "account", account, address)
        await forgive_in(0, database, "known", account, address)
        assert await wait_of(throttles[1], account, address) > 0

    async def test_account_and_address_of_equal_name_are_distinct(
        self,
        throttles: list[GuessThrottle],
    ) -> None:
        name, address = someone(), somewhere()
        for _ in range(PER_ACCOUNT):
            await throttles[0].failed(name, address)
        assert await wait_of(throttles[0], name, address) > 0
        assert await wait_of(throttles[0], someone(), name) == 0

    async def test_addresses_of_one_network_count_together(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        prefix = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"
        await throttles[0].failed(someone(), f"{prefix}::1")
        await throttles[0].failed(someone(), f"{prefix}:ffff:ffff:ffff:ffff")
        network = network_of(f"{prefix}:1:2:3:4")
        assert await forgiven_at(database, "address", network) is not None
        await forgive_in(PER_ADDRESS + 20, database, "address", network)
        assert await wait_of(throttles[0], someone(), f"{prefix}:a:b:c:d") > 0


class TestCounting:
    async def test_workers_count_together(self, throttles: list[GuessThrottle]) -> None:
        account, address = someone(), somewhere()
        for number in range(PER_ACCOUNT):
            assert await wait_of(throttles[number % 2], account, address) == 0
            await throttles[number % 2].failed(account, address)
        for throttle in throttles:
            assert await wait_of(throttle, account, address) > 0

    async def test_no_concurrent_failure_is_lost(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account = someone()
        addresses = [somewhere(), somewhere()]
        await asyncio.gather(
            *[throttles[n % 2].failed(account, addresses[n % 2]) for n in range(20)]
        )
        query = "SELECT extract(epoch FROM $1::timestamptz - now())"
        left = await database.fetchval(query, await forgiven_at(database, "anywhere", account))
        seconds = SECONDS_PER_ACCOUNT / ANYWHERE
        assert 19 * seconds < left <= 20 * seconds

    async def test_failures_expire_one_by_one(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account, address = someone(), somewhere()
        # The first of three has expired a second ago.
        await forgive_in(2 * SECONDS_PER_ACCOUNT - 1, database, "account", account, address)
        assert await wait_of(throttles[0], account, address) == 0
        await throttles[0].failed(account, address)
        assert await wait_of(throttles[0], account, address) in range(50, SECONDS_PER_ACCOUNT)

    async def test_long_expired_failures_give_no_credit(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account, address = someone(), somewhere()
        await forgive_in(-86400, database, "account", account, address)
        for _ in range(PER_ACCOUNT):
            assert await wait_of(throttles[0], account, address) == 0
            await throttles[0].failed(account, address)
        assert await wait_of(throttles[0], account, address) > 0

    async def test_check_counts_nothing(
        self, throttles: list[GuessThrottle], database: asyncpg.Connection
    ) -> None:
        account, address = someone(), somewhere()
        for _ in range(PER_ADDRESS + 1):
            assert await wait_of(throttles[0], account, address) == 0
        assert await forgiven_at(database, "account", account, address) is None
        assert await forgiven_at(database, "address", address) is None

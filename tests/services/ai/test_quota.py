"""Quotas of answers in a sliding window of 24 hours."""

import asyncio
import datetime as dt
import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from server.errors import GymlockerError, ResourceExhausted
from server.libraries.database.pool import Database
from server.services.ai.planner.errors import model_failed, model_unavailable, not_configured
from server.services.ai.purchase.model import Purchase, Store, purchase_of
from server.services.ai.quota import Quota, Quotas
from server.services.ai.repository import QuotaRepository

NOW = dt.datetime(2026, 2, 7, 12, 30, 15, 123456, tzinfo=dt.UTC)
DAY = dt.timedelta(hours=24)
SECOND = dt.timedelta(seconds=1)
MICROSECOND = dt.timedelta(microseconds=1)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(quota_database: str) -> AsyncIterator[Database]:
    async with Database(quota_database, pool_size=10) as database:
        yield database


@pytest.fixture
async def connection(quota_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(quota_database)
    yield connection
    await connection.close()


@pytest.fixture
def quotas(database: Database, clock: Clock) -> Quotas:
    return Quotas(QuotaRepository(database), web=3, mobile=2, introductions=2, now=clock)


@pytest.fixture
def web() -> Purchase:
    return purchase_of(Store.WEB, secrets.token_hex())


async def use(quotas: Quotas, purchase: Purchase, error: GymlockerError | None = None) -> Quota:
    """Charge an answer, which ends with `error` if there is one."""
    async with quotas.charge(purchase) as quota:
        if error:
            raise error
    return quota


async def refusal(quotas: Quotas, purchase: Purchase) -> ResourceExhausted:
    with pytest.raises(ResourceExhausted) as caught:
        await use(quotas, purchase)
    return caught.value


async def write(connection: asyncpg.Connection, key: str, *times: dt.datetime) -> None:
    """Insert past uses."""
    await connection.execute(
        "INSERT INTO rate_limit_consumptions (key, requests) VALUES ($1, $2)", key, times
    )


async def written(connection: asyncpg.Connection, key: str) -> list[dt.datetime]:
    times = await connection.fetchval(
        "SELECT requests FROM rate_limit_consumptions WHERE key = $1", key
    )
    return list(times or ())


async def introduce(
    quotas: Quotas, purchase: Purchase, error: GymlockerError | None = None
) -> None:
    """Charge an introduction, which ends with `error` if there is one."""
    async with quotas.charge_introduction(purchase):
        if error:
            raise error


class TestGet:
    async def test_returns_unused_quota(self, quotas: Quotas, web: Purchase) -> None:
        assert await quotas.get(web) == Quota(3, 3, None)

    async def test_ignores_uses_older_than_a_day(
        self, quotas: Quotas, web: Purchase, connection: asyncpg.Connection
    ) -> None:
        younger = NOW - DAY + MICROSECOND
        await write(connection, web.key, NOW - 9 * DAY, NOW - DAY, younger)
        assert await quotas.get(web) == Quota(3, 2, younger + DAY)
        assert await use(quotas, web) == Quota(3, 1, younger + DAY)
        assert await written(connection, web.key) == [younger, NOW]

    def test_metadata_holds_the_seconds_until_the_reset(self) -> None:
        quota = Quota(3, 1, NOW + SECOND + MICROSECOND)
        assert dict(quota.metadata(NOW)) == {
            "x-quota-limit": "3",
            "x-quota-remaining": "1",
            "x-quota-reset": "2",
        }
        assert dict(Quota(3, 3, None).metadata(NOW))["x-quota-reset"] == "0"


class TestCharge:
    async def test_rejects_use_beyond_the_limit(
        self, quotas: Quotas, clock: Clock, web: Purchase
    ) -> None:
        for remaining in (2, 1, 0):
            assert await use(quotas, web) == Quota(3, remaining, NOW + DAY)
            clock.now += SECOND
        error = await refusal(quotas, web)
        assert (error.reason, error.retry_after) == ("QUOTA_USED_UP", 24 * 3600 - 3)
        assert "All 3 answers" in error.message
        assert await quotas.get(web) == Quota(3, 0, NOW + DAY)

    async def test_does_not_charge_a_rejected_use(
        self, quotas: Quotas, web: Purchase, connection: asyncpg.Connection
    ) -> None:
        await write(connection, web.key, NOW, NOW, NOW)
        await refusal(quotas, web)
        assert await written(connection, web.key) == [NOW] * 3

    @pytest.mark.parametrize(
        ("age", "wait"), [(DAY - MICROSECOND, 1), (DAY - SECOND, 1), (SECOND, 24 * 3600 - 1)]
    )
    async def test_names_the_seconds_until_the_next_use(
        self,
        quotas: Quotas,
        web: Purchase,
        connection: asyncpg.Connection,
        age: dt.timedelta,
        wait: int,
    ) -> None:
        await write(connection, web.key, NOW, NOW - age, NOW)
        assert (await refusal(quotas, web)).retry_after == wait

    async def test_window_slides(self, quotas: Quotas, clock: Clock, web: Purchase) -> None:
        for _ in range(3):
            await use(quotas, web)
            clock.now += SECOND
        await refusal(quotas, web)
        clock.now = NOW + DAY
        assert await use(quotas, web) == Quota(3, 0, NOW + SECOND + DAY)
        assert (await refusal(quotas, web)).retry_after == 1

    async def test_ignores_uses_in_the_future(
        self, quotas: Quotas, web: Purchase, connection: asyncpg.Connection
    ) -> None:
        await write(connection, web.key, *[NOW + 365 * DAY] * 3)
        assert await use(quotas, web) == Quota(3, 2, NOW + DAY)
        assert await written(connection, web.key) == [NOW]

    async def test_counts_uses_recorded_by_liftlog(
        self, quotas: Quotas, connection: asyncpg.Connection
    ) -> None:
        token = secrets.token_hex()
        key = hashlib.sha256(token.encode()).hexdigest().upper()
        await write(connection, key, NOW - 2 * SECOND, NOW - SECOND)
        quota = await use(quotas, purchase_of(Store.WEB, token))
        assert quota == Quota(3, 0, NOW - 2 * SECOND + DAY)

    @pytest.mark.parametrize("store", set(Store) - {Store.WEB})
    async def test_other_stores_have_a_limit_of_their_own(
        self, quotas: Quotas, store: Store
    ) -> None:
        purchase = purchase_of(store, secrets.token_hex())
        assert [(await use(quotas, purchase)).remaining for _ in range(2)] == [1, 0]
        assert "All 2 answers" in (await refusal(quotas, purchase)).message

    async def test_tokens_do_not_share_a_quota(self, quotas: Quotas, web: Purchase) -> None:
        for _ in range(3):
            await use(quotas, web)
        other = purchase_of(Store.WEB, secrets.token_hex())
        assert (await use(quotas, other)).remaining == 2

    async def test_concurrent_uses_do_not_exceed_the_limit(
        self, database: Database, web: Purchase
    ) -> None:
        quotas = Quotas(
            QuotaRepository(database),
            web=20,
            mobile=1,
            introductions=1,
            now=lambda: dt.datetime.now(dt.UTC),
        )
        found = await asyncio.gather(
            *(use(quotas, web) for _ in range(200)), return_exceptions=True
        )
        assert Counter(map(type, found)) == {Quota: 20, ResourceExhausted: 180}
        left = sorted(quota.remaining for quota in found if isinstance(quota, Quota))
        assert left == list(range(20))


class TestRefund:
    @pytest.mark.parametrize(
        "error", [model_unavailable(), not_configured()], ids=lambda error: error.reason
    )
    async def test_refunds_if_the_model_did_nothing(
        self, quotas: Quotas, clock: Clock, web: Purchase, error: GymlockerError
    ) -> None:
        await use(quotas, web)
        clock.now += SECOND
        with pytest.raises(type(error)):
            await use(quotas, web, error)
        assert await quotas.get(web) == Quota(3, 2, NOW + DAY)

    async def test_refunds_one_of_two_concurrent_uses(
        self, quotas: Quotas, web: Purchase, connection: asyncpg.Connection
    ) -> None:
        async with quotas.charge(web):
            with pytest.raises(GymlockerError):
                await use(quotas, web, model_unavailable())
            assert await written(connection, web.key) == [NOW]

    async def test_does_not_refund_an_unusable_answer(self, quotas: Quotas, web: Purchase) -> None:
        with pytest.raises(GymlockerError):
            await use(quotas, web, model_failed())
        assert (await quotas.get(web)).remaining == 2

    async def test_does_not_refund_a_cancelled_answer(self, quotas: Quotas, web: Purchase) -> None:
        with pytest.raises(asyncio.CancelledError):
            async with quotas.charge(web):
                raise asyncio.CancelledError
        assert (await quotas.get(web)).remaining == 2


class TestChargeIntroduction:
    async def test_does_not_charge_an_answer(self, quotas: Quotas, web: Purchase) -> None:
        for _ in range(2):
            await introduce(quotas, web)
        assert await quotas.get(web) == Quota(3, 3, None)

    async def test_has_a_limit_of_its_own(
        self, quotas: Quotas, clock: Clock, web: Purchase
    ) -> None:
        await introduce(quotas, web)
        clock.now += SECOND
        await introduce(quotas, web)
        with pytest.raises(ResourceExhausted) as caught:
            await introduce(quotas, web)
        assert (caught.value.reason, caught.value.retry_after) == ("QUOTA_EXHAUSTED", 24 * 3600 - 1)
        assert (await use(quotas, web)).remaining == 2
        await introduce(quotas, purchase_of(Store.WEB, secrets.token_hex()))
        clock.now = NOW + DAY
        await introduce(quotas, web)

    async def test_refunds_if_the_model_did_nothing(self, quotas: Quotas, web: Purchase) -> None:
        for _ in range(3):
            with pytest.raises(GymlockerError):
                await introduce(quotas, web, model_unavailable())

    async def test_limit_can_be_turned_off(self, database: Database, web: Purchase) -> None:
        quotas = Quotas(
            QuotaRepository(database), web=1, mobile=1, introductions=0, now=lambda: NOW
        )
        for _ in range(60):
            await introduce(quotas, web)

"""Who guesses passwords is stopped, and nobody else is but those who share an address with them.

Failures are forgiven with time, so a test writes into the table when they will be, instead of
failing often or waiting long.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from gymlocker.v2 import ai_pb2, auth_pb2, inbox_pb2

from server.auth.guessing import ANYWHERE, GuessLimit
from server.auth.network import network_of
from server.auth.repository import FailureRepository
from server.database.engine import Database
from server.demo.transport import Metadata
from server.errors import ResourceExhausted
from server.local.throwaway import ThrowawayPostgres
from tests.feed.client import Client, User, bearer, item_of, many_users, with_password
from tests.feed.rest import error_of
from tests.house import House
from tests.worker import health, serving

# Failures that are taken without a wait.
PER_ACCOUNT, PER_ADDRESS = 3, 6
SECONDS_PER_ACCOUNT = 60
WRONG = "wrong password"

one_loop = pytest.mark.asyncio(loop_scope="module")


def somewhere() -> str:
    """An address that no other test calls from."""
    return f"test {uuid4()}"


def someone() -> str:
    """An account that no other test knows."""
    return str(uuid4())


def key_of(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts).encode()).digest()


async def forgive_in(seconds: float, database: asyncpg.Connection, *parts: str) -> None:
    """All failures of an account or an address are forgiven in so many seconds."""
    await database.execute(
        """
        INSERT INTO password_failures VALUES ($1, now() + make_interval(secs => $2))
        ON CONFLICT (key) DO UPDATE SET forgiven = excluded.forgiven
        """,
        key_of(*parts),
        float(seconds),
    )


async def forgiven_at(database: asyncpg.Connection, *parts: str) -> object:
    """When all failures of an account or an address are forgiven; None: there is none."""
    query = "SELECT forgiven FROM password_failures WHERE key = $1"
    return await database.fetchval(query, key_of(*parts))


# --- The limit ---


@pytest.fixture
async def limits(house: House, postgres: ThrowawayPostgres) -> AsyncIterator[list[GuessLimit]]:
    """The limits of two workers."""
    async with AsyncExitStack() as stack:
        databases = [
            await stack.enter_async_context(Database(postgres.url("gymlocker"), pool_size=5))
            for _ in range(2)
        ]
        yield [
            GuessLimit(
                FailureRepository(database), per_account=PER_ACCOUNT, per_address=PER_ADDRESS
            )
            for database in databases
        ]


async def wait_of(limit: GuessLimit, account: str, address: str) -> int:
    """For how many seconds nothing may be tried; 0: it may be tried now."""
    try:
        await limit.check(account, address)
    except ResourceExhausted as error:
        return error.retry_after
    return 0


async def test_as_many_failures_as_the_limit_says_are_taken_and_not_one_more(
    limits: list[GuessLimit],
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
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    account, most = someone(), PER_ACCOUNT * ANYWHERE
    seconds = SECONDS_PER_ACCOUNT / ANYWHERE
    await forgive_in((most - 1) * seconds - 1, database, "anywhere", account)
    assert await wait_of(limits[0], account, somewhere()) == 0
    await limits[0].failed(account, somewhere())
    assert await wait_of(limits[0], account, somewhere()) in range(1, 7)
    assert await wait_of(limits[0], someone(), somewhere()) == 0


async def test_an_address_has_a_limit_of_its_own_over_all_accounts(
    limits: list[GuessLimit], database: asyncpg.Connection
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


async def test_all_workers_count_together(limits: list[GuessLimit]) -> None:
    account, address = someone(), somewhere()
    for number in range(PER_ACCOUNT):
        assert await wait_of(limits[number % 2], account, address) == 0
        await limits[number % 2].failed(account, address)
    for limit in limits:
        assert await wait_of(limit, account, address) > 0


async def test_no_failure_is_lost_among_many_at_the_same_time(
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    account = someone()
    addresses = [somewhere(), somewhere()]
    await asyncio.gather(*[limits[n % 2].failed(account, addresses[n % 2]) for n in range(20)])
    query = "SELECT extract(epoch FROM $1::timestamptz - now())"
    left = await database.fetchval(query, await forgiven_at(database, "anywhere", account))
    seconds = SECONDS_PER_ACCOUNT / ANYWHERE
    assert 19 * seconds < left <= 20 * seconds


async def test_failures_are_forgiven_one_by_one(
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    # The first of three was forgiven a second ago.
    await forgive_in(2 * SECONDS_PER_ACCOUNT - 1, database, "account", account, address)
    assert await wait_of(limits[0], account, address) == 0
    await limits[0].failed(account, address)
    assert await wait_of(limits[0], account, address) in range(50, SECONDS_PER_ACCOUNT)


async def test_what_was_forgiven_long_ago_is_no_credit(
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    await forgive_in(-86400, database, "account", account, address)
    for _ in range(PER_ACCOUNT):
        assert await wait_of(limits[0], account, address) == 0
        await limits[0].failed(account, address)
    assert await wait_of(limits[0], account, address) > 0


async def test_checking_costs_nothing(
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    account, address = someone(), somewhere()
    for _ in range(PER_ADDRESS + 1):
        assert await wait_of(limits[0], account, address) == 0
    assert await forgiven_at(database, "account", account, address) is None
    assert await forgiven_at(database, "address", address) is None


async def test_an_account_and_an_address_of_the_same_name_are_not_the_same(
    limits: list[GuessLimit],
) -> None:
    name, address = someone(), somewhere()
    for _ in range(PER_ACCOUNT):
        await limits[0].failed(name, address)
    assert await wait_of(limits[0], name, address) > 0
    assert await wait_of(limits[0], someone(), name) == 0


async def test_the_addresses_of_one_household_count_together(
    limits: list[GuessLimit], database: asyncpg.Connection
) -> None:
    household = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"
    await limits[0].failed(someone(), f"{household}::1")
    await limits[0].failed(someone(), f"{household}:ffff:ffff:ffff:ffff")
    network = network_of(f"{household}:1:2:3:4")
    assert await forgiven_at(database, "address", network) is not None
    await forgive_in(PER_ADDRESS + 20, database, "address", network)
    assert await wait_of(limits[0], someone(), f"{household}:a:b:c:d") > 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::3", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_a_guesser_is_known_by_what_a_household_has(address: str, network: str) -> None:
    assert network_of(address) == network


# --- Over the wire ---


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def worker(
    house: House, postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """A worker with low limits."""
    socket = tmp_path_factory.mktemp("guessing") / "worker.sock"
    worker = serving(
        socket,
        postgres.url("gymlocker"),
        PASSWORD_FAILURES_PER_ACCOUNT=str(PER_ACCOUNT),
        PASSWORD_FAILURES_PER_ADDRESS=str(PER_ADDRESS),
        WEB_AUTH_API_KEY="a-key",
    )
    async with worker, aio.insecure_channel(f"unix:{socket}") as channel:
        assert await health(socket) == "ok"
        yield Client(channel)


@pytest_asyncio.fixture(loop_scope="module")
async def table(postgres: ThrowawayPostgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database of the worker."""
    connection = await asyncpg.connect(postgres.url("gymlocker"))
    yield connection
    await connection.close()


def calling_from(address: str) -> Metadata:
    """What Envoy says of where a call comes from."""
    return [("x-client-address", address)]


async def log_in(
    worker: Client, name: str, password: str = WRONG, address: str | None = None
) -> StatusCode:
    request = auth_pb2.LoginRequest(username=name, password=password)
    metadata = calling_from(address or somewhere())
    return await code_of(worker.accounts.Login(request, metadata=metadata))


async def take_messages(
    worker: Client, user: User, password: str = WRONG, address: str | None = None
) -> StatusCode:
    request = inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=password)
    metadata = calling_from(address or somewhere())
    return await code_of(worker.inbox.GetInboxMessages(request, metadata=metadata))


async def code_of(call: Any) -> StatusCode:
    try:
        await call
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


async def user_without_password(table: asyncpg.Connection) -> User:
    """A user whose every password is wrong."""
    [user_id] = await many_users(table, 1)
    return User(id=str(user_id), lookup=str(user_id))


@one_loop
async def test_one_wrong_password_too_many_is_refused_before_it_is_hashed(
    worker: Client, table: asyncpg.Connection
) -> None:
    user, address = await user_without_password(table), somewhere()
    for _ in range(PER_ACCOUNT):
        assert await take_messages(worker, user, address=address) == StatusCode.UNAUTHENTICATED
    before = await forgiven_at(table, "anywhere", user.id)
    request = inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=WRONG)
    with pytest.raises(aio.AioRpcError) as raised:
        await worker.inbox.GetInboxMessages(request, metadata=calling_from(address))
    assert raised.value.code() == StatusCode.RESOURCE_EXHAUSTED
    retry = _retry_info(raised.value)
    assert 0 < retry.retry_delay.seconds <= SECONDS_PER_ACCOUNT
    [after] = [value for key, value in _trailers(raised.value) if key == "retry-after"]
    assert after == str(retry.retry_delay.seconds)
    # A password that was hashed, and was wrong, would have been counted.
    assert await forgiven_at(table, "anywhere", user.id) == before
    # From elsewhere it is another guesser.
    assert await take_messages(worker, user) == StatusCode.UNAUTHENTICATED


@one_loop
async def test_purchase_tokens_are_guessed_as_rarely(worker: Client) -> None:
    async def quota(token: str, address: str) -> StatusCode:
        metadata = [("authorization", f"Web {token}"), *calling_from(address)]
        return await code_of(worker.planner.GetQuota(ai_pb2.GetQuotaRequest(), metadata=metadata))

    address = somewhere()
    for number in range(PER_ADDRESS):
        assert await quota(f"made-up-{number}", address) == StatusCode.UNAUTHENTICATED
    assert await quota("another", address) == StatusCode.RESOURCE_EXHAUSTED
    assert await quota("another", somewhere()) == StatusCode.UNAUTHENTICATED


@one_loop
async def test_it_does_not_matter_by_which_name_somebodys_password_is_guessed(
    worker: Client, table: asyncpg.Connection
) -> None:
    [user_id] = await many_users(table, 1)
    lookup, username = uuid4().hex[:12], f"Ann {uuid4().hex}"
    await table.execute(
        "UPDATE users SET user_lookup = $2, username = $3, username_key = $4 WHERE id = $1",
        user_id,
        lookup,
        username,
        username.lower(),
    )
    names, address = (str(user_id).upper(), lookup, username.upper()), somewhere()
    for name in names:
        assert await log_in(worker, name, address=address) == StatusCode.UNAUTHENTICATED
    for name in names:
        assert await log_in(worker, name, address=address) == StatusCode.RESOURCE_EXHAUSTED
    code = await take_messages(worker, User(id=str(user_id)), address=address)
    assert code == StatusCode.RESOURCE_EXHAUSTED


@one_loop
async def test_a_name_that_nobody_has_is_limited_alike(
    worker: Client, table: asyncpg.Connection
) -> None:
    name, address = f"Straße {uuid4().hex}", somewhere()
    for spelling in (name, name.upper(), name.lower()):
        assert await log_in(worker, spelling, address=address) == StatusCode.UNAUTHENTICATED
    assert await log_in(worker, name, address=address) == StatusCode.RESOURCE_EXHAUSTED
    unknown = str(uuid4())
    await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "account", unknown, address)
    for spelling in (unknown, unknown.upper()):
        assert await log_in(worker, spelling, address=address) == StatusCode.RESOURCE_EXHAUSTED


@one_loop
async def test_every_call_that_takes_a_password_counts(
    worker: Client, table: asyncpg.Connection
) -> None:
    user = await worker.created_user()
    session = bearer(await worker.login(user))
    request = auth_pb2.ChangePasswordRequest(current_password=WRONG, new_password="new password")
    item, address = item_of(with_password(user, WRONG)), somewhere()

    async def codes() -> list[StatusCode]:
        # One after the other: the same password at the same time is hashed, and counted, once.
        metadata = [*session, *calling_from(address)]
        return [
            await code_of(worker.accounts.ChangePassword(request, metadata=metadata)),
            await code_of(worker.shares.CreateSharedItem(item, metadata=metadata[1:])),
            await log_in(worker, user.lookup, address=address),
        ]

    assert await codes() == [StatusCode.UNAUTHENTICATED] * PER_ACCOUNT
    assert await codes() == [StatusCode.RESOURCE_EXHAUSTED] * PER_ACCOUNT


@one_loop
async def test_who_is_remembered_gets_in_while_others_guess(
    worker: Client, table: asyncpg.Connection
) -> None:
    user = await worker.created_user()
    tokens = await worker.login(user)
    assert await forgiven_at(table, "anywhere", user.id) is None
    await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "anywhere", user.id)
    assert await take_messages(worker, user) == StatusCode.RESOURCE_EXHAUSTED
    assert await take_messages(worker, user, user.password) == StatusCode.OK
    assert await log_in(worker, user.id, user.password) == StatusCode.OK
    getting = worker.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))
    assert await code_of(getting) == StatusCode.OK


@one_loop
async def test_who_shares_an_address_with_a_guesser_waits_unless_they_are_remembered(
    worker: Client, house: House, table: asyncpg.Connection
) -> None:
    # Created by the other worker.
    async with aio.insecure_channel(house.address) as channel:
        user = await Client(channel).created_user()
    here = somewhere()
    await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "account", user.id, here)
    login = (worker, user.id, user.password, here)
    assert await log_in(*login) == StatusCode.RESOURCE_EXHAUSTED
    await forgive_in((PER_ACCOUNT - 1) * SECONDS_PER_ACCOUNT - 1, table, "account", user.id, here)
    assert await log_in(*login) == StatusCode.OK


@one_loop
@pytest.mark.parametrize(
    ("known_as", "calls_from"),
    [("203.0.113.{}", "203.0.113.{}"), ("2001:db8:0:{}::/64", "2001:db8:0:{}:1:2:3:4")],
)
async def test_an_address_that_guessed_is_refused_for_every_account(
    worker: Client, table: asyncpg.Connection, known_as: str, calls_from: str
) -> None:
    guesser, neighbour = calls_from.format(7), calls_from.format(8)
    await forgive_in(3600, table, "address", known_as.format(7))
    user = await user_without_password(table)
    refused = StatusCode.RESOURCE_EXHAUSTED
    assert await log_in(worker, user.id, address=guesser) == refused
    assert await log_in(worker, f"nobody {uuid4()}", address=guesser) == refused
    assert await take_messages(worker, user, address=guesser) == refused
    assert await take_messages(worker, user, address=neighbour) == StatusCode.UNAUTHENTICATED


# --- Through the front door ---


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


def _trailers(error: aio.AioRpcError) -> list[tuple[str, str | bytes]]:
    return list(error.trailing_metadata() or ())


def _retry_info(error: aio.AioRpcError) -> RetryInfo:
    [status] = [value for key, value in _trailers(error) if key == "grpc-status-details-bin"]
    assert isinstance(status, bytes)
    info = RetryInfo()
    [found] = [d for d in Status.FromString(status).details if d.Is(RetryInfo.DESCRIPTOR)]
    assert found.Unpack(info)
    return info

"""Who guesses passwords is stopped, and nobody else is but those who share an address with them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from gymlocker.v2 import ai_pb2, auth_pb2, inbox_pb2, user_pb2

from server.programs.demo.transport import Metadata
from server.programs.local.temporary_postgres import ThrowawayPostgres
from tests.services.credentials.failures import (
    PER_ACCOUNT,
    PER_ADDRESS,
    SECONDS_PER_ACCOUNT,
    WRONG,
    forgive_in,
    forgiven_at,
    somewhere,
)
from tests.support.client import Client, User, bearer, item_of, many_users, with_password
from tests.support.stack import Stack
from tests.support.worker import health, serving

one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(
    stack: Stack, postgres: ThrowawayPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Client]]:
    """Two workers with low limits."""
    async with AsyncExitStack() as resources:
        clients = []
        for number in range(2):
            socket = tmp_path_factory.mktemp("guessing") / f"{number}.sock"
            worker = serving(
                socket,
                postgres.url("gymlocker"),
                PASSWORD_FAILURES_PER_ACCOUNT=str(PER_ACCOUNT),
                PASSWORD_FAILURES_PER_ADDRESS=str(PER_ADDRESS),
                WEB_AUTH_API_KEY="a-key",
            )
            await resources.enter_async_context(worker)
            channel = await resources.enter_async_context(aio.insecure_channel(f"unix:{socket}"))
            assert await health(socket) == "ok"
            clients.append(Client(channel))
        yield clients


@pytest.fixture
def worker(workers: list[Client]) -> Client:
    """One of them."""
    return workers[0]


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


async def created_at(address: str, worker: Client) -> User:
    """A new user, who calls from there."""
    metadata = calling_from(address)
    return await worker.users.CreateUser(user_pb2.CreateUserRequest(), metadata=metadata)


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
    home = somewhere()
    user = await created_at(home, worker)
    tokens = await worker.login(user)
    assert await forgiven_at(table, "anywhere", user.id) is None
    await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "anywhere", user.id)
    assert await take_messages(worker, user) == StatusCode.RESOURCE_EXHAUSTED
    assert await take_messages(worker, user, user.password, home) == StatusCode.OK
    assert await log_in(worker, user.id, user.password, home) == StatusCode.OK
    getting = worker.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))
    assert await code_of(getting) == StatusCode.OK


@one_loop
async def test_who_shares_an_address_with_a_guesser_waits_unless_they_are_remembered(
    worker: Client, stack: Stack, table: asyncpg.Connection
) -> None:
    # Created by the other worker.
    async with aio.insecure_channel(stack.address) as channel:
        user = await Client(channel).created_user()
    here = somewhere()
    await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "account", user.id, here)
    login = (worker, user.id, user.password, here)
    assert await log_in(*login) == StatusCode.RESOURCE_EXHAUSTED
    await forgive_in((PER_ACCOUNT - 1) * SECONDS_PER_ACCOUNT - 1, table, "account", user.id, here)
    assert await log_in(*login) == StatusCode.OK


@one_loop
async def test_behind_a_locked_address_every_worker_says_the_same(
    workers: list[Client], table: asyncpg.Connection
) -> None:
    home, elsewhere = somewhere(), somewhere()
    # One of the workers remembers the password.
    user = await created_at(home, workers[0])
    for address in (home, elsewhere):
        await forgive_in(3600, table, "address", address)
    for worker in workers:
        assert await take_messages(worker, user, user.password, home) == StatusCode.OK
        code = await take_messages(worker, user, user.password, elsewhere)
        assert code == StatusCode.RESOURCE_EXHAUSTED


@one_loop
async def test_where_an_account_is_guessed_every_worker_refuses_the_right_password(
    workers: list[Client],
) -> None:
    home = somewhere()
    user = await created_at(home, workers[0])
    for number in range(PER_ACCOUNT):
        code = await take_messages(workers[1], user, f"wrong {number}", home)
        assert code == StatusCode.UNAUTHENTICATED
    # A guesser at the same address must not learn which one it is.
    for worker in workers:
        code = await take_messages(worker, user, user.password, home)
        assert code == StatusCode.RESOURCE_EXHAUSTED
        assert await take_messages(worker, user, user.password) == StatusCode.OK


@one_loop
async def test_usernames_are_tried_as_rarely(worker: Client, table: asyncpg.Connection) -> None:
    taken = f"Ann {uuid4().hex}"
    tokens = await worker.login(await worker.created_user())

    async def register(name: str, address: str) -> StatusCode:
        request = auth_pb2.RegisterRequest(username=name, password="correct horse")
        return await code_of(worker.accounts.Register(request, metadata=calling_from(address)))

    async def claim(name: str, address: str) -> StatusCode:
        request = auth_pb2.ClaimUsernameRequest(username=name)
        metadata = [*bearer(tokens), *calling_from(address)]
        return await code_of(worker.accounts.ClaimUsername(request, metadata=metadata))

    assert await register(taken, somewhere()) == StatusCode.OK
    for attempt in (register, claim):
        home = somewhere()
        assert await attempt(taken, home) == StatusCode.ALREADY_EXISTS
        assert await forgiven_at(table, "address", home) is not None
        await forgive_in(3600, table, "address", home)
        # Not even whether it is free.
        assert await attempt(f"Bob {uuid4().hex}", home) == StatusCode.RESOURCE_EXHAUSTED
    assert await claim(f"Bob {uuid4().hex}", somewhere()) == StatusCode.OK


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


def _trailers(error: aio.AioRpcError) -> list[tuple[str, str | bytes]]:
    return list(error.trailing_metadata() or ())


def _retry_info(error: aio.AioRpcError) -> RetryInfo:
    [status] = [value for key, value in _trailers(error) if key == "grpc-status-details-bin"]
    assert isinstance(status, bytes)
    info = RetryInfo()
    [found] = [d for d in Status.FromString(status).details if d.Is(RetryInfo.DESCRIPTOR)]
    assert found.Unpack(info)
    return info

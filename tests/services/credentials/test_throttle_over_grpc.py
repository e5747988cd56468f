"""Limits of wrong passwords, purchase tokens and taken usernames over gRPC."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from grpc import StatusCode, aio
from gymlocker.v2 import ai_pb2, auth_pb2, inbox_pb2

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.services.credentials.calls import (
    calling_from,
    code_of,
    created_at,
    log_in,
    retry_info,
    take_messages,
    trailers,
    user_without_password,
)
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

pytestmark = pytest.mark.extended

one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(
    stack: Stack, postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Client]]:
    """Yield clients of two workers with low limits."""
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
    """Return the client of one of them."""
    return workers[0]


@pytest_asyncio.fixture(loop_scope="module")
async def table(postgres: TemporaryPostgres) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection to the database of the workers."""
    connection = await asyncpg.connect(postgres.url("gymlocker"))
    yield connection
    await connection.close()


@one_loop
class TestAccountLimit:
    """Wrong passwords of one account at one address."""

    async def test_refuses_before_hashing_withretry_info(
        self, worker: Client, table: asyncpg.Connection
    ) -> None:
        user, address = await user_without_password(table), somewhere()
        for _ in range(PER_ACCOUNT):
            assert await take_messages(worker, user, address=address) == StatusCode.UNAUTHENTICATED
        before = await forgiven_at(table, "anywhere", user.id)
        request = inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=WRONG)
        with pytest.raises(aio.AioRpcError) as raised:
            await worker.inbox.GetInboxMessages(request, metadata=calling_from(address))
        assert raised.value.code() == StatusCode.RESOURCE_EXHAUSTED
        retry = retry_info(raised.value)
        assert 0 < retry.retry_delay.seconds <= SECONDS_PER_ACCOUNT
        [after] = [value for key, value in trailers(raised.value) if key == "retry-after"]
        assert after == str(retry.retry_delay.seconds)
        # A hashed wrong password would have been counted.
        assert await forgiven_at(table, "anywhere", user.id) == before
        # Another address has its own limit.
        assert await take_messages(worker, user) == StatusCode.UNAUTHENTICATED

    async def test_counts_every_method_that_takes_a_password(
        self, worker: Client, table: asyncpg.Connection
    ) -> None:
        user = await worker.created_user()
        session = bearer(await worker.login(user))
        request = auth_pb2.ChangePasswordRequest(
            current_password=WRONG, new_password="new password"
        )
        item, address = item_of(with_password(user, WRONG)), somewhere()

        async def codes() -> list[StatusCode]:
            # Sequentially, because concurrent calls with one password are hashed and counted once.
            metadata = [*session, *calling_from(address)]
            return [
                await code_of(worker.accounts.ChangePassword(request, metadata=metadata)),
                await code_of(worker.shares.CreateSharedItem(item, metadata=metadata[1:])),
                await log_in(worker, user.lookup, address=address),
            ]

        assert await codes() == [StatusCode.UNAUTHENTICATED] * PER_ACCOUNT
        assert await codes() == [StatusCode.RESOURCE_EXHAUSTED] * PER_ACCOUNT

    async def test_counts_id_lookup_and_username_together(
        self, worker: Client, table: asyncpg.Connection
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

    async def test_limits_unknown_usernames_alike(
        self, worker: Client, table: asyncpg.Connection
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
class TestAddressLimit:
    """Wrong secrets and taken usernames from one address."""

    @pytest.mark.parametrize(
        ("known_as", "calls_from"),
        [("203.0.113.{}", "203.0.113.{}"), ("2001:db8:0:{}::/64", "2001:db8:0:{}:1:2:3:4")],
    )
    async def test_refuses_address_for_every_account(
        self, worker: Client, table: asyncpg.Connection, known_as: str, calls_from: str
    ) -> None:
        guesser, neighbour = calls_from.format(7), calls_from.format(8)
        await forgive_in(3600, table, "address", known_as.format(7))
        user = await user_without_password(table)
        refused = StatusCode.RESOURCE_EXHAUSTED
        assert await log_in(worker, user.id, address=guesser) == refused
        assert await log_in(worker, f"nobody {uuid4()}", address=guesser) == refused
        assert await take_messages(worker, user, address=guesser) == refused
        assert await take_messages(worker, user, address=neighbour) == StatusCode.UNAUTHENTICATED

    async def test_limits_wrong_purchase_tokens(self, worker: Client) -> None:
        async def quota(token: str, address: str) -> StatusCode:
            metadata = [("authorization", f"Web {token}"), *calling_from(address)]
            return await code_of(
                worker.planner.GetQuota(ai_pb2.GetQuotaRequest(), metadata=metadata)
            )

        address = somewhere()
        for number in range(PER_ADDRESS):
            assert await quota(f"made-up-{number}", address) == StatusCode.UNAUTHENTICATED
        assert await quota("another", address) == StatusCode.RESOURCE_EXHAUSTED
        assert await quota("another", somewhere()) == StatusCode.UNAUTHENTICATED

    async def test_limits_taken_usernames(self, worker: Client, table: asyncpg.Connection) -> None:
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
            # The refusal does not reveal whether the username is free.
            assert await attempt(f"Bob {uuid4().hex}", home) == StatusCode.RESOURCE_EXHAUSTED
        assert await claim(f"Bob {uuid4().hex}", somewhere()) == StatusCode.OK


@one_loop
class TestKnownAddress:
    """Correct passwords of users whose account or address is refused."""

    async def test_user_is_accepted_while_others_guess(
        self, worker: Client, table: asyncpg.Connection
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

    async def test_user_at_the_address_of_a_guesser_must_wait(
        self, worker: Client, stack: Stack, table: asyncpg.Connection
    ) -> None:
        # Created by another worker, so that this one has not cached the password.
        async with aio.insecure_channel(stack.address) as channel:
            user = await Client(channel).created_user()
        here = somewhere()
        await forgive_in(PER_ACCOUNT * SECONDS_PER_ACCOUNT, table, "account", user.id, here)
        login = (worker, user.id, user.password, here)
        assert await log_in(*login) == StatusCode.RESOURCE_EXHAUSTED
        await forgive_in(
            (PER_ACCOUNT - 1) * SECONDS_PER_ACCOUNT - 1, table, "account", user.id, here
        )
        assert await log_in(*login) == StatusCode.OK

    async def test_workers_answer_alike_at_a_refused_address(
        self, workers: list[Client], table: asyncpg.Connection
    ) -> None:
        home, elsewhere = somewhere(), somewhere()
        # One of the workers has cached the password.
        user = await created_at(home, workers[0])
        for address in (home, elsewhere):
            await forgive_in(3600, table, "address", address)
        for worker in workers:
            assert await take_messages(worker, user, user.password, home) == StatusCode.OK
            code = await take_messages(worker, user, user.password, elsewhere)
            assert code == StatusCode.RESOURCE_EXHAUSTED

    async def test_workers_refuse_correct_password_of_a_guessed_account(
        self,
        workers: list[Client],
    ) -> None:
        home = somewhere()
        user = await created_at(home, workers[0])
        for number in range(PER_ACCOUNT):
            code = await take_messages(workers[1], user, f"wrong {number}", home)
            assert code == StatusCode.UNAUTHENTICATED
        # A guesser at the same address must not learn the correct password.
        for worker in workers:
            code = await take_messages(worker, user, user.password, home)
            assert code == StatusCode.RESOURCE_EXHAUSTED
            assert await take_messages(worker, user, user.password) == StatusCode.OK

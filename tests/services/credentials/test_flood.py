"""Priority of logins over a flood of new users."""

import asyncio
from pathlib import Path

import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, user_pb2

from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.services.credentials.calls import calling_from, code_of, log_in
from tests.services.credentials.failures import somewhere
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.worker import health, serving

pytestmark = pytest.mark.extended

QUEUE = 8


class TestLogin:
    async def test_succeeds_during_flood_of_new_users_from_many_addresses(
        self, stack: Stack, postgres: TemporaryPostgres, tmp_path: Path
    ) -> None:
        socket = tmp_path / "worker.sock"
        worker = serving(socket, postgres.url("gymlocker"), PASSWORD_QUEUE=str(QUEUE))
        async with (
            aio.insecure_channel(stack.address) as elsewhere,
            worker,
            aio.insecure_channel(f"unix:{socket}") as channel,
        ):
            assert await health(socket) == "ok"
            client = Client(channel)
            # Created elsewhere, so that the worker has not cached the password.
            user = await Client(elsewhere).created_user()
            flood = [
                asyncio.ensure_future(_create_user(client, number)) for number in range(6 * QUEUE)
            ]
            await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
            assert await log_in(client, user.id, user.password) == StatusCode.OK
            # The flood has not ended yet.
            assert not all(call.done() for call in flood)
            codes = await asyncio.gather(*flood)
        assert set(codes) == {StatusCode.OK, StatusCode.UNAVAILABLE}


async def _create_user(client: Client, number: int) -> StatusCode:
    """Call CreateUser for odd numbers and Register for even ones, each from another address."""
    metadata = calling_from(somewhere())
    if number % 2:
        request = user_pb2.CreateUserRequest()
        return await code_of(client.users.CreateUser(request, metadata=metadata))
    account = auth_pb2.RegisterRequest(
        username=f"Ann {number} {somewhere()[5:]}", password="correct horse"
    )
    return await code_of(client.accounts.Register(account, metadata=metadata))

"""A flood of new users keeps nobody from logging in."""

import asyncio
from pathlib import Path

from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, user_pb2

from server.programs.local.temporary_postgres import ThrowawayPostgres
from tests.services.credentials.failures import somewhere
from tests.services.credentials.test_throttle_over_the_wire import calling_from, code_of, log_in
from tests.support.client import Client
from tests.support.stack import Stack
from tests.support.worker import health, serving

QUEUE = 8


async def test_who_logs_in_goes_before_new_users_from_however_many_addresses(
    stack: Stack, postgres: ThrowawayPostgres, tmp_path: Path
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
        # The worker has not seen the password.
        user = await Client(elsewhere).created_user()
        flood = [
            asyncio.ensure_future(
                code_of(
                    client.users.CreateUser(
                        user_pb2.CreateUserRequest(), metadata=calling_from(somewhere())
                    )
                    if number % 2
                    else client.accounts.Register(
                        auth_pb2.RegisterRequest(
                            username=f"Ann {number} {somewhere()[5:]}", password="correct horse"
                        ),
                        metadata=calling_from(somewhere()),
                    )
                )
            )
            for number in range(6 * QUEUE)
        ]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        assert await log_in(client, user.id, user.password) == StatusCode.OK
        # In the middle of it.
        assert not all(call.done() for call in flood)
        codes = await asyncio.gather(*flood)
    assert set(codes) == {StatusCode.OK, StatusCode.UNAVAILABLE}

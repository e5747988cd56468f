"""GetHealth, and the standard health service of gRPC."""

import asyncio
from typing import cast

from grpc import aio
from grpc_health.v1 import health_pb2
from gymlocker.v2 import system_pb2

from server.libraries.database.write_check import WriteCheck
from server.libraries.rpc.context import Context
from server.services.system.service import SystemService
from tests.support.client import Client
from tests.support.stack import Stack


class SlowCheck:
    """Fake of a database check that blocks until `released` is set."""

    def __init__(self) -> None:
        self.checks = 0
        self.released = asyncio.Event()

    async def require(self) -> None:
        """Count a check."""
        self.checks += 1
        await self.released.wait()


class TestGetHealth:
    async def test_is_ok_while_the_database_accepts_writes(self, client: Client) -> None:
        response = await client.system.GetHealth(system_pb2.GetHealthRequest())
        assert response.status == "ok"

    async def test_concurrent_requests_share_one_check(self) -> None:
        databases = {"main": SlowCheck(), "rate_limits": SlowCheck()}
        service = SystemService(cast(dict[str, WriteCheck], databases), (), lambda: None)
        request = system_pb2.GetHealthRequest()
        requests = [
            asyncio.create_task(service.GetHealth(request, cast(Context, None))) for _ in range(100)
        ]
        # A cancelled caller does not affect the others.
        await asyncio.sleep(0)
        requests.pop().cancel()
        for database in databases.values():
            database.released.set()
        assert {response.status for response in await asyncio.gather(*requests)} == {"ok"}
        assert [database.checks for database in databases.values()] == [1, 1]
        await service.GetHealth(request, cast(Context, None))
        assert [database.checks for database in databases.values()] == [2, 2]


class TestStandardHealth:
    async def test_is_serving(self, stack: Stack) -> None:
        async with aio.insecure_channel(stack.address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            response = await check(health_pb2.HealthCheckRequest())
        assert response.status == health_pb2.HealthCheckResponse.SERVING

"""SystemService, over every way to call, and what stands beside it in gRPC."""

from grpc import aio
from grpc_health.v1 import health_pb2
from gymlocker.v2 import system_pb2

from tests.support.client import Client
from tests.support.stack import Stack


async def test_health_is_ok_while_the_database_answers(client: Client) -> None:
    reply = await client.system.GetHealth(system_pb2.GetHealthRequest())
    assert reply.status == "ok"


async def test_the_standard_health_service_says_serving(stack: Stack) -> None:
    async with aio.insecure_channel(stack.address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        reply = await check(health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING

"""An address that sends more than its share, and its neighbours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import httpx2
import pytest
from google.protobuf.message import Message
from gymlocker.v2 import system_pb2, user_pb2

from tests.support.waiting import eventually

from .processes import TIMEOUT, FrontDoor, as_it_is, front_door

pytestmark = pytest.mark.extended

BUSY_ADDRESS, OTHER_ADDRESS = "127.0.0.41", "127.0.0.42"
CROWDS = ("crowd", "crowd_health")
OF_ADDRESS = "max_tokens: 200, tokens_per_fill: 50"
OF_NETWORK = "max_tokens: 2000, tokens_per_fill: 500"
# Few, however slow the tests are.
FEW = "max_tokens: 20, tokens_per_fill: 1"
MANY = 150
USER = user_pb2.GetUserRequest(id_or_lookup="x")
HEALTH = "/gymlocker.v2.SystemService/GetHealth"
CALLS = {
    "/gymlocker.v2.UserService/GetUser": USER,
    "/gymlocker.v2.UserService/UpdateUser": user_pb2.UpdateUserRequest(id="x", password="x"),
    HEALTH: system_pb2.GetHealthRequest(),
}


@pytest.fixture(scope="module")
def crowded() -> Iterator[FrontDoor]:
    """A front door with small shares of addresses."""
    with front_door(changes={OF_ADDRESS: FEW}) as door:
        yield door


@asynccontextmanager
async def at(address: str, door: FrontDoor) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client that calls from an address of this machine."""
    limits = httpx2.Limits(max_connections=MANY)
    transport = httpx2.AsyncHTTPTransport(local_address=address, limits=limits, verify=False)
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{door.port}", transport=transport, timeout=60
    ) as client:
        yield client


def in_crowd(door: FrontDoor) -> int:
    """Return how many calls waited for others of their address so far."""
    return sum(door.figure(f"cluster.{name}.upstream_rq_total") for name in CROWDS)


async def test_calls_beyond_share_wait_for_one_another(crowded: FrontDoor) -> None:
    async with at(BUSY_ADDRESS, crowded) as busy, at(OTHER_ADDRESS, crowded) as other:
        calls = [asyncio.create_task(busy.get("/user/wait:")) for _ in range(MANY)]
        await eventually(lambda: crowded.figure("cluster.crowd.upstream_rq_active") == 64)
        await eventually(lambda: crowded.figure("cluster.crowd.upstream_rq_pending_active") > 0)
        before = in_crowd(crowded)
        for path in ("/user/x", "/health"):
            assert (await other.get(path)).status_code == 200
        assert in_crowd(crowded) == before
        # Its own health checks do not wait for its calls.
        async with at(BUSY_ADDRESS, crowded) as checker:
            assert (await checker.get("/health")).status_code == 200
        # The other address releases them.
        await other.get("/user/go:")
        assert {(await call).status_code for call in calls} == {200}


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.rpartition("/")[2])
async def test_share_counts_calls_over_grpc(crowded: FrontDoor, path: str) -> None:
    before = in_crowd(crowded)
    async with grpc.aio.insecure_channel(crowded.target) as channel:
        invoke = channel.unary_unary(path, Message.SerializeToString, as_it_is)
        await asyncio.gather(*(invoke(CALLS[path], timeout=TIMEOUT * 4) for _ in range(MANY)))
    assert in_crowd(crowded) > before


@pytest.mark.parametrize("path", ["/user/x", "/health"])
async def test_share_counts_calls_over_rest(crowded: FrontDoor, path: str) -> None:
    before = in_crowd(crowded)
    async with at(BUSY_ADDRESS, crowded) as busy:
        replies = await asyncio.gather(*(busy.get(path) for _ in range(MANY)))
    assert {reply.status_code for reply in replies} == {200}
    assert in_crowd(crowded) > before


async def test_share_counts_calls_of_a_network() -> None:
    """Each of its addresses stays within its own share."""
    with front_door(changes={OF_NETWORK: FEW}) as door:
        for number in range(MANY):
            async with at(f"127.0.7.{number}", door) as client:
                assert (await client.get("/user/x")).status_code == 200
        assert in_crowd(door) > 0
        async with at("127.0.8.1", door) as other:
            before = in_crowd(door)
            assert (await other.get("/user/x")).status_code == 200
            assert in_crowd(door) == before

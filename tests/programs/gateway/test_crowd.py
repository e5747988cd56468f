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
# More than an address sends within its share while they are sent.
MANY = 600
USER = user_pb2.GetUserRequest(id_or_lookup="x")
CALLS = {
    "/gymlocker.v2.UserService/GetUser": USER,
    "/gymlocker.v2.UserService/UpdateUser": user_pb2.UpdateUserRequest(id="x", password="x"),
    "/gymlocker.v2.SystemService/GetHealth": system_pb2.GetHealthRequest(),
}


@pytest.fixture(scope="module")
def crowded() -> Iterator[FrontDoor]:
    """A front door of these tests alone."""
    with front_door() as door:
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
    return door.figure("cluster.crowd.upstream_rq_total")


async def test_calls_beyond_share_wait_for_one_another(crowded: FrontDoor) -> None:
    async with at(BUSY_ADDRESS, crowded) as busy, at(OTHER_ADDRESS, crowded) as other:
        calls = [asyncio.create_task(busy.get("/user/wait:")) for _ in range(MANY)]
        await eventually(lambda: crowded.figure("cluster.crowd.upstream_rq_active") == 64)
        await eventually(lambda: crowded.figure("cluster.crowd.upstream_rq_pending_active") > 0)
        before = in_crowd(crowded)
        for path in ("/user/x", "/health"):
            assert (await other.get(path)).status_code == 200
        assert in_crowd(crowded) == before
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

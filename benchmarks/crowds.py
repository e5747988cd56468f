"""More calls than the machine can do: how many are answered, and how long others wait.

GetUser is called by ever more at once, in turns with as many as bring the best rate. Printed are
the ratios of the rates of right answers, and how long somebody waits who calls from another address
meanwhile. (h2load runs on the same cores, so that the true ratios are higher.)
"""

import asyncio
import statistics
import time

import grpc
import httpx2
from gymlocker.v2 import user_pb2, user_pb2_grpc

from benchmarks.h2load import Load, Request, Shape, offered, once
from benchmarks.stack import running_stack
from benchmarks.workloads import grpc_request

TURNS = 5
TURN_SECONDS = 5.0
PAUSE_SECONDS = 0.1
ELSEWHERE = "127.0.0.2"

BEST = {"grpc": Shape(20, 10), "rest": Shape(200, 1)}
CROWDS = {
    "grpc": (Shape(20, 100), Shape(100, 100), Shape(1000, 10)),
    "rest": (Shape(1000, 1), Shape(3000, 1)),
}


async def main() -> None:
    """Measures and prints."""
    with running_stack(workers=2) as address:
        port = int(address.rpartition(":")[2])
        async with grpc.aio.insecure_channel(address) as channel:
            users = user_pb2_grpc.UserServiceStub(channel)
            user_id = (await users.CreateUser(user_pb2.CreateUserRequest())).id
        path = f"/user/{user_id}"
        requests = {
            "grpc": grpc_request(
                "UserService/GetUser", user_pb2.GetUserRequest(id_or_lookup=user_id)
            ),
            "rest": Request("rest", path),
        }
        for protocol, request in requests.items():
            for shape in CROWDS[protocol]:
                await compare(port, path, request, shape)


async def compare(port: int, path: str, request: Request, shape: Shape) -> None:
    """Prints what a crowd of this shape does to the rate, and to somebody else."""
    size = once(port, request) if request.protocol == "grpc" else None
    ratios, waits = [], []
    for _ in range(TURNS):
        best = await asyncio.to_thread(offered, port, request, BEST[request.protocol], TURN_SECONDS)
        crowd, waited = await beside(port, path, request, shape)
        ratios.append(answered(crowd, size) / answered(best, size))
        waits += waited
    print(
        f"{request.protocol}, {shape.connections} x {shape.at_once}: "
        f"{statistics.median(ratios):.2f} of the best rate "
        f"({min(ratios):.2f} to {max(ratios):.2f}); "
        f"somebody else waits {statistics.median(waits):.2f} s, at most {max(waits):.2f} s"
    )


async def beside(port: int, path: str, request: Request, shape: Shape) -> tuple[Load, list[float]]:
    """Loads, and calls from another address meanwhile; returns how long each of its calls took."""
    crowd = asyncio.create_task(asyncio.to_thread(offered, port, request, shape, TURN_SECONDS))
    waited = []
    transport = httpx2.AsyncHTTPTransport(local_address=ELSEWHERE, verify=False)
    async with httpx2.AsyncClient(transport=transport, timeout=30) as client:
        while not crowd.done():
            began = time.perf_counter()
            (await client.get(f"http://127.0.0.1:{port}{path}")).raise_for_status()
            waited.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_SECONDS)
    return await crowd, waited


def answered(load: Load, size: int | None) -> float:
    """How many were answered. Errors of gRPC succeed for HTTP, but have no body of `size` bytes."""
    return load.succeeded if size is None else load.reply_bytes / size


if __name__ == "__main__":
    asyncio.run(main())

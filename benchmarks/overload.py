"""Overload: the rate of successful responses, and the latency for another client.

GetUser is called with increasing concurrency, in turns with the concurrency of the best rate. The
output is the ratio of successful responses, and the latency of calls from another address during
the overload. h2load runs on the same cores, so the true ratios are higher.
"""

import asyncio
import statistics
import time

import grpc
import httpx2
from gymlocker.v2 import user_pb2, user_pb2_grpc

from benchmarks.h2load import Load, Request, Shape, request_once, run_overload
from benchmarks.stack import running_stack
from benchmarks.workloads import grpc_request

TURNS = 5
TURN_SECONDS = 5.0
PAUSE_SECONDS = 0.1
OTHER_ADDRESS = "127.0.0.2"

BEST = {"grpc": Shape(20, 10), "rest": Shape(200, 1)}
OVERLOADS = {
    "grpc": (Shape(20, 100), Shape(100, 100), Shape(1000, 10)),
    "rest": (Shape(1000, 1), Shape(3000, 1)),
}


async def main() -> None:
    """Measure and print."""
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
            for shape in OVERLOADS[protocol]:
                await compare(port, path, request, shape)


async def compare(port: int, path: str, request: Request, shape: Shape) -> None:
    """Print the effect of an overload of this shape on the rate and on another client."""
    size = request_once(port, request) if request.protocol == "grpc" else None
    ratios, waits = [], []
    for _ in range(TURNS):
        best_shape = BEST[request.protocol]
        best = await asyncio.to_thread(run_overload, port, request, best_shape, TURN_SECONDS)
        overload, latencies = await during_overload(port, path, request, shape)
        ratios.append(successes(overload, size) / successes(best, size))
        waits += latencies
    print(
        f"{request.protocol}, {shape.connections} x {shape.concurrency}: "
        f"{statistics.median(ratios):.2f} of the best rate "
        f"({min(ratios):.2f} to {max(ratios):.2f}); "
        f"latency of another client: median {statistics.median(waits):.2f} s, "
        f"maximum {max(waits):.2f} s"
    )


async def during_overload(
    port: int, path: str, request: Request, shape: Shape
) -> tuple[Load, list[float]]:
    """Run an overload and call from another address; return the load and those latencies."""
    run = asyncio.to_thread(run_overload, port, request, shape, TURN_SECONDS)
    overload = asyncio.create_task(run)
    latencies = []
    transport = httpx2.AsyncHTTPTransport(local_address=OTHER_ADDRESS, verify=False)
    async with httpx2.AsyncClient(transport=transport, timeout=30) as client:
        while not overload.done():
            began = time.perf_counter()
            (await client.get(f"http://127.0.0.1:{port}{path}")).raise_for_status()
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_SECONDS)
    return await overload, latencies


def successes(load: Load, size: int | None) -> float:
    """Return the number of successes. gRPC errors have HTTP status 200 but no `size` body bytes."""
    return load.succeeded if size is None else load.response_bytes / size


if __name__ == "__main__":
    asyncio.run(main())

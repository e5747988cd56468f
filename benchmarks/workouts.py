"""Latency of a large diary compared with a small one.

Two users have workouts within the same ten years: 1,000 and 100,000. Both make the same calls in
turns, over gRPC through Envoy. The output is medians of paired ratios, large vs. small. The last
column compares the small diary with itself and so shows the noise of the machine.
"""

import asyncio
import datetime as dt
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import workout_pb2, workout_pb2_grpc

from benchmarks.stack import Person, log_in, running_stack

SMALL, LARGE = 1_000, 100_000
REPEATS = 200
FIRST_DAY, DAYS = dt.date(2016, 1, 1), 3_650
TYPES = ("Running", "Lifting", "Yoga", "Swimming", "Rowing")
CHUNK_BYTES = 256 * 1024

Call = Callable[[Person], Awaitable[object]]


async def main() -> None:
    """Fill both diaries, measure and print."""
    with running_stack(workers=1) as address:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = workout_pb2_grpc.WorkoutServiceStub(channel)
            small, large = await log_in(channel), await log_in(channel)
            for person, number in ((small, SMALL), (large, LARGE)):
                await fill(stub, person, number)
            print(f"{'':28}{LARGE:,} / {SMALL:,}   {SMALL:,} / {SMALL:,}")
            for name, of_small, of_large in await calls(stub, small, large):
                growth, noise = await ratios(small, large, of_small, of_large)
                print(f"{name:28}{growth:15.2f}{noise:16.2f}")


async def fill(stub: workout_pb2_grpc.WorkoutServiceStub, person: Person, number: int) -> None:
    """Import a number of random workouts."""
    chance = random.Random(number)
    lines = ["date,type,duration,notes"]
    for index in range(number):
        day = FIRST_DAY + dt.timedelta(days=chance.randrange(DAYS))
        minutes = chance.randrange(5, 180)
        lines.append(f"{day},{chance.choice(TYPES)},{minutes},workout number {index}")
    data = "\r\n".join(lines).encode()

    async def chunks() -> AsyncIterator[workout_pb2.ImportWorkoutsRequest]:
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            yield workout_pb2.ImportWorkoutsRequest(file=HttpBody(data=chunk))

    response = await stub.ImportWorkouts(chunks(), metadata=person.metadata)
    assert response.added == number, response


async def calls(
    stub: workout_pb2_grpc.WorkoutServiceStub, small: Person, large: Person
) -> list[tuple[str, Call, Call]]:
    """Return the name of each measurement, and its calls for the small and the large diary."""

    def stats(person: Person) -> Awaitable[object]:
        request = workout_pb2.GetWorkoutStatsRequest(start_date="2020-01-01", end_date="2020-12-31")
        return stub.GetWorkoutStats(request, metadata=person.metadata)

    def page(token: str) -> Call:
        def call(person: Person) -> Awaitable[object]:
            request = workout_pb2.ListWorkoutsRequest(page_size=50, page_token=token)
            return stub.ListWorkouts(request, metadata=person.metadata)

        return call

    of_small, of_large = await tokens(stub, small), await tokens(stub, large)
    found: list[tuple[str, Call, Call]] = []
    for name, part in (("first", 0.0), ("middle", 0.5), ("last", 1.0)):
        first = page(of_small[round(part * (len(of_small) - 1))])
        second = page(of_large[round(part * (len(of_large) - 1))])
        found.append((f"page of 50, {name}", first, second))
    return [*found, ("statistics of a year", stats, stats)]


async def tokens(stub: workout_pb2_grpc.WorkoutServiceStub, person: Person) -> list[str]:
    """Return the tokens of all pages of 50."""
    found = [""]
    while True:
        request = workout_pb2.ListWorkoutsRequest(page_size=50, page_token=found[-1])
        response = await stub.ListWorkouts(request, metadata=person.metadata)
        if not response.next_page_token:
            return found
        found.append(response.next_page_token)


async def ratios(
    small: Person, large: Person, of_small: Call, of_large: Call
) -> tuple[float, float]:
    """Return the median ratios of the large diary to the small one, and of the small to itself."""
    growth, noise = [], []
    for _ in range(REPEATS):
        first, second = await seconds(of_small, small), await seconds(of_large, large)
        growth.append(second / first)
        noise.append(await seconds(of_small, small) / first)
    return statistics.median(growth), statistics.median(noise)


async def seconds(call: Call, person: Person) -> float:
    """Return the duration of a call."""
    started = time.perf_counter()
    await call(person)
    return time.perf_counter() - started


if __name__ == "__main__":
    asyncio.run(main())

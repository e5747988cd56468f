"""Latency of reads while one client tries 2,000 wrong passwords per minute.

Reads are sent at a fixed rate, in turns with and without the guessing client, which has one
address. The output is the ratio of their medians and 99th percentiles, with vs. without, as medians
over the turns, and the status codes of the guesses.
"""

import asyncio
import statistics
import time
from collections import Counter

import grpc
from gymlocker.v2 import auth_pb2, auth_pb2_grpc, user_pb2, user_pb2_grpc

from benchmarks.stack import log_in, running_stack

TURNS = 7
TURN_SECONDS = 6.0
READS_PER_SECOND = 200
GUESSES_PER_MINUTE = 2_000


async def main() -> None:
    """Measure and print."""
    with running_stack(workers=2) as address:
        async with grpc.aio.insecure_channel(address) as channel:
            person = await log_in(channel)
            users = user_pb2_grpc.UserServiceStub(channel)
            accounts = auth_pb2_grpc.AuthServiceStub(channel)
            me = await accounts.GetMe(auth_pb2.GetMeRequest(), metadata=person.metadata)
            codes: Counter[str] = Counter()
            medians, tails = [], []
            for turn in range(TURNS):
                alone = await reads(users, me.id)
                stop = asyncio.Event()
                guesser = asyncio.create_task(guess(accounts, person.username, codes, stop))
                disturbed = await reads(users, me.id)
                stop.set()
                await guesser
                medians.append(percentile(disturbed, 0.5) / percentile(alone, 0.5))
                tails.append(percentile(disturbed, 0.99) / percentile(alone, 0.99))
                print(f"turn {turn + 1}: median {medians[-1]:.2f}, p99 {tails[-1]:.2f}")
            print(f"\nmedian {statistics.median(medians):.2f}, p99 {statistics.median(tails):.2f}")
            print(", ".join(f"{code}: {number}" for code, number in codes.most_common()))


async def reads(users: user_pb2_grpc.UserServiceStub, user_id: str) -> list[float]:
    """Return the latency of each read in a turn in seconds, from the time it was due."""
    request = user_pb2.GetUserRequest(id_or_lookup=user_id)
    started = time.perf_counter()

    async def read(due: float) -> float:
        await asyncio.sleep(started + due - time.perf_counter())
        await users.GetUser(request)
        return time.perf_counter() - started - due

    number = round(TURN_SECONDS * READS_PER_SECOND)
    return await asyncio.gather(*(read(index / READS_PER_SECOND) for index in range(number)))


async def guess(
    accounts: auth_pb2_grpc.AuthServiceStub,
    username: str,
    codes: Counter[str],
    stop: asyncio.Event,
) -> None:
    """Try wrong passwords of one account and of unknown names until `stop` is set."""
    number, calls = 0, set()

    async def try_login(name: str) -> None:
        try:
            await accounts.Login(auth_pb2.LoginRequest(username=name, password="wrong"))
        except grpc.aio.AioRpcError as error:
            codes[error.code().name] += 1

    while not stop.is_set():
        number += 1
        name = username if number % 2 else f"nobody {number}"
        calls.add(asyncio.create_task(try_login(name)))
        await asyncio.sleep(60 / GUESSES_PER_MINUTE)
    await asyncio.gather(*calls)


def percentile(values: list[float], part: float) -> float:
    """Return the value below which this part of `values` lies."""
    return sorted(values)[round(part * (len(values) - 1))]


if __name__ == "__main__":
    asyncio.run(main())

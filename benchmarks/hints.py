"""Cost of hints for writers: NOTIFY in the writer's transaction, and in batches after the commit.

    uv run python -m benchmarks.hints

Writers on a real, durable PostgreSQL update a row of their own each and commit. The variants take
turns, and the figures are medians.
"""

import argparse
import asyncio
import base64
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg

from server.libraries.database.pool import Database
from server.libraries.hints.hint import Hint, Topic, encoded
from server.libraries.hints.hints import ORIGIN_BYTES, Hints
from server.libraries.hints.postgres import MAX_BYTES, PostgresTransport
from server.programs.local.temporary_postgres import temporary_postgres

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
CREATE = "CREATE TABLE written (writer int PRIMARY KEY, times int NOT NULL)"
FILL = "INSERT INTO written SELECT n, 0 FROM generate_series(1, $1) AS n"
WRITE = "UPDATE written SET times = times + 1 WHERE writer = $1"
NOTIFY = "SELECT pg_notify('gymlocker_hints', $1)"

# Commits once as a writer.
Commit = Callable[[asyncpg.Connection, int], Awaitable[None]]


def message() -> str:
    """Return a message with one hint of another process."""
    (hint,) = encoded([Hint(Topic.EVENTS, uuid4())], MAX_BYTES)
    return base64.b64encode(os.urandom(ORIGIN_BYTES) + hint).decode()


async def without(connection: asyncpg.Connection, writer: int) -> None:
    """Write without a hint."""
    async with connection.transaction():
        await connection.execute(WRITE, writer)


async def inside(connection: asyncpg.Connection, writer: int) -> None:
    """Write and notify in one transaction."""
    async with connection.transaction():
        await connection.execute(WRITE, writer)
        await connection.execute(NOTIFY, message())


def after(hints: Hints) -> Commit:
    """Return a commit that publishes its hint afterwards."""

    async def commit(connection: asyncpg.Connection, writer: int) -> None:
        await without(connection, writer)
        hints.publish(Topic.EVENTS, uuid4())

    return commit


async def commits_per_second(
    connections: list[asyncpg.Connection], commit: Commit, seconds: float
) -> float:
    """Return the rate of all writers together."""
    ends = time.perf_counter() + seconds

    async def write(connection: asyncpg.Connection, writer: int) -> int:
        commits = 0
        while time.perf_counter() < ends:
            await commit(connection, writer)
            commits += 1
        return commits

    began = time.perf_counter()
    done = await asyncio.gather(*map(write, connections, range(1, len(connections) + 1)))
    return sum(done) / (time.perf_counter() - began)


async def compare(url: str, writers: int, rounds: int, seconds: float) -> None:
    """Measure the variants in turn and print their rates."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(Database(url, pool_size=2))
        hints = Hints(PostgresTransport(pool, url))
        jobs = [asyncio.create_task(job()) for job in hints.background()]
        connections = [await asyncpg.connect(url) for _ in range(writers)]
        await connections[0].execute(CREATE)
        await connections[0].execute(FILL, writers)
        variants: dict[str, Commit] = {
            "without hints": without,
            "NOTIFY in the transaction": inside,
            "batches after the commit": after(hints),
        }
        rates: dict[str, list[float]] = {name: [] for name in variants}
        for _ in range(rounds):
            for name, commit in variants.items():
                rates[name].append(await commits_per_second(connections, commit, seconds))
        for name, measured in rates.items():
            ratio = statistics.median(
                one / base for one, base in zip(measured, rates["without hints"], strict=True)
            )
            print(f"{name:<28}{statistics.median(measured):>8.0f} commits/s  {ratio:.2f}")
        print(f"batches: {hints.sent_batches}, dropped hints: {hints.dropped}")
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        for connection in connections:
            await connection.close()


def main() -> None:
    """Run the comparison on a PostgreSQL of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    settings = {**DURABLE, "max_connections": str(options.writers + 20)}
    with temporary_postgres(settings) as postgres:
        asyncio.run(compare(postgres.url(), options.writers, options.rounds, options.seconds))


if __name__ == "__main__":
    main()

"""Workers behind Envoy on one PostgreSQL, with users to follow."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc
import psutil
from gymlocker.v2 import event_pb2, system_pb2

from benchmarks.cpu import Meter
from benchmarks.launcher import START_SECONDS, Launcher, free_port, postgres_process
from benchmarks.seed import FeedSubscription, Seeded, seed
from benchmarks.servers import POSTGRES
from server.libraries.database.migrations import migrate
from server.programs.local.temporary_postgres import temporary_postgres


@dataclass(frozen=True)
class Stage:
    """Running processes, and the users in their database."""

    port: int
    sockets: tuple[str, ...]
    url: str
    workers: tuple[psutil.Process, ...]
    envoy: psutil.Process
    postgres: psutil.Process
    seeded: Seeded

    def meter(self) -> Meter:
        """Return a meter of the CPU time of all parts."""
        workers = {f"worker {number}": each for number, each in enumerate(self.workers, start=1)}
        return Meter({**workers, "Envoy": self.envoy, "PostgreSQL": self.postgres})

    def request(self, followed: Sequence[FeedSubscription]) -> event_pb2.WatchEventsRequest:
        """Return the request of a watcher of these users."""
        return event_pb2.WatchEventsRequest(
            users=[
                event_pb2.FollowedUser(user_id=each.id, follow_secret=each.secret)
                for each in followed
            ]
        )

    def shared(self, user: FeedSubscription, number: int) -> list[FeedSubscription]:
        """Give out new follow secrets of a user, one for each of so many followers."""
        return asyncio.run(_add_secrets(self.url, user, number))


@contextmanager
def stage(*, workers: int, people: int = 100, followed: int, events: int = 1) -> Iterator[Stage]:
    """Run a stack on temporary data until the context ends."""
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres(POSTGRES)).url()
        asyncio.run(migrate(url, None, lambda _: None))
        seeded = asyncio.run(seed(url, people=people, followed=followed, events=events))
        launcher, postgres = Launcher(stack), postgres_process()
        sockets = tuple(f"unix:{launcher.folder / f'{number}.sock'}" for number in range(workers))
        processes = tuple(launcher.worker(url, socket) for socket in sockets)
        for each in sockets:
            _wait_until_ready(each)
        port = free_port()
        envoy = launcher.gateway(port, *sockets)
        _wait_until_ready(f"127.0.0.1:{port}")
        yield Stage(port, sockets, url, processes, envoy, postgres, seeded)


def busy() -> str:
    """Return the load of the machine, for figures that others may have disturbed."""
    return f"load average {os.getloadavg()[0]:.1f}"


def _wait_until_ready(address: str) -> None:
    """Wait until a worker or Envoy in front of healthy workers responds."""
    deadline = time.monotonic() + START_SECONDS
    with grpc.insecure_channel(address) as channel:
        get_health: grpc.UnaryUnaryMultiCallable[Any, Any] = channel.unary_unary(
            "/gymlocker.v2.SystemService/GetHealth",
            request_serializer=system_pb2.GetHealthRequest.SerializeToString,
        )
        while True:
            try:
                get_health(system_pb2.GetHealthRequest(), wait_for_ready=True, timeout=5)
            except grpc.RpcError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return


async def _add_secrets(url: str, user: FeedSubscription, number: int) -> list[FeedSubscription]:
    given = [FeedSubscription(user.id, str(uuid4())) for _ in range(number)]
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(
            "user_follow_secrets",
            records=[(uuid4(), UUID(each.id), each.secret) for each in given],
            columns=["id", "user_id", "value"],
        )
        await connection.execute("ANALYZE user_follow_secrets")
    finally:
        await connection.close()
    return given

"""The readers and writers of a run."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from grpc import aio
from gymlocker.v2 import event_pb2_grpc

from server.libraries.network.channel import open_channel
from server.programs.demo.transport import GrpcTransport, RestTransport, Transport, channel_over
from tests.faults.feed.readers import ClockPoller, Poller, Watcher
from tests.faults.feed.record import Key, Record
from tests.faults.feed.writers import Writers
from tests.services.event.follower import Follower
from tests.support.client import Client

USERS, WATCHERS, POLLERS = 10, 6, 4
# A watcher cuts its stream after so many messages.
MAX_MESSAGES = 1000


@dataclass
class Crowd:
    """Writers, the readers that must be exact, and two that serve as a control.

    `clock` reads by the clock, and `trusting` watches at a worker that takes hints for the truth.
    """

    writers: Writers
    watchers: list[Watcher]
    pollers: list[Poller]
    clock: ClockPoller
    trusting: Watcher

    @property
    def readers(self) -> list[Watcher | Poller]:
        """Return those that must be exact."""
        return [*self.watchers, *self.pollers]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Let all readers read. Fail if one of them failed."""
        readers = [*self.readers, self.clock, self.trusting]
        tasks = [asyncio.create_task(reader.run()) for reader in readers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

    async def until_exact(self, seconds: float) -> None:
        """Wait until the watchers are exact, at most for some seconds."""
        events = self.writers.record.expected
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for watcher in self.watchers:
                    expected = _followed(events, watcher)
                    while watcher.events != expected:
                        await asyncio.sleep(0.1)


def _followed(events: Mapping[Key, bytes], reader: Follower) -> dict[Key, bytes]:
    return {key: state for key, state in events.items() if key[0] in reader.secrets}


async def gathered(
    url: str, trusting: aio.Channel, chance: random.Random, resources: AsyncExitStack
) -> Crowd:
    """Create users at `url`, and those who write and read their events."""
    clients = [
        Client(channel_over(await _opened(transport, resources)))
        for transport in (GrpcTransport(url), RestTransport(url))
    ]
    client = clients[0]
    users = [await client.created_user() for _ in range(USERS)]
    secrets = {user.id: await client.new_secret(user) for user in users}
    channel = await resources.enter_async_context(open_channel(url))
    stub = event_pb2_grpc.EventServiceStub(channel)
    return Crowd(
        writers=Writers(client, users, Record(), chance),
        watchers=[
            Watcher(
                # Some follow everybody, and the others some.
                secrets if number % 2 else _some(secrets, chance),
                stub=stub,
                # One watches without a cut of its own.
                max_messages=MAX_MESSAGES if number else 0,
            )
            for number in range(WATCHERS)
        ],
        pollers=[
            Poller(secrets, client=clients[number % len(clients)]) for number in range(POLLERS)
        ],
        clock=ClockPoller(secrets, client=client),
        trusting=Watcher(secrets, stub=event_pb2_grpc.EventServiceStub(trusting)),
    )


async def _opened(transport: Transport, resources: AsyncExitStack) -> Transport:
    resources.push_async_callback(transport.close)
    return transport


def _some(secrets: Mapping[str, str], chance: random.Random) -> dict[str, str]:
    return dict(chance.sample(sorted(secrets.items()), 3))

"""Reading an inbox while replies are cut and workers are killed.

The control is the read that removes what it returns: each cut loses what the reply held.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import inbox_pb2

from server.programs.demo.transport import (
    CallError,
    GrpcTransport,
    RestTransport,
    Transport,
    channel_over,
)
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.faults import processes
from tests.faults.cutting_proxy import CuttingProxy
from tests.libraries.database.conftest import make_database
from tests.services.inbox.leases import end_leases
from tests.support.client import KIB, Client, User
from tests.support.stack import Stack, running_stack
from tests.support.waiting import eventually

pytestmark = pytest.mark.extended

CUT_READS = int(os.environ.get("CUT_READS", "40"))
# A reply has some 1,700 bytes for each message, and that to an acknowledgement has 300. So some
# budgets are enough.
BYTES_PER_MESSAGE, ACKNOWLEDGE_BYTES = 2000, 600
KILLS = 4
MESSAGES_PER_KILL = 60
LEASE_SECONDS = 3600


@dataclass
class Record:
    """The messages that were sent and processed, and how often each was delivered."""

    sent: set[bytes] = field(default_factory=set)
    processed: Counter[bytes] = field(default_factory=Counter)
    ids: Counter[str] = field(default_factory=Counter)
    redelivered: int = 0

    @property
    def missing(self) -> set[bytes]:
        return self.sent - self.processed.keys()

    def add(self, id_: str, content: bytes, deliveries: int = 1) -> None:
        self.ids[id_] += 1
        self.processed[content] += 1
        self.redelivered += deliveries > 1

    def require_exactly_once(self) -> None:
        """Fail if a message was lost or processed twice."""
        assert self.missing == set()
        assert self.processed == Counter(self.sent)
        assert set(self.ids.values()) == {1}


async def until_success(call: Callable[[], Awaitable[object]]) -> None:
    """Repeat a call that may fail because a connection or a worker is gone."""
    while not await succeeds(call):
        # As long as a worker is down, half of the calls fail at once.
        await asyncio.sleep(0.02)


async def succeeds(call: Callable[[], Awaitable[object]]) -> bool:
    """Make a call; return False if a connection or a worker is gone."""
    try:
        await call()
    except CallError as error:
        if error.code is not StatusCode.UNAVAILABLE:
            raise
        return False
    return True


async def send(client: Client, user: User, record: Record) -> None:
    """Send a message, and again if that fails."""
    content = uuid4().bytes + bytes(KIB - 16)
    request = inbox_pb2.PutInboxMessageRequest(
        to_user_id=user.id, encrypted_message=[content], idempotency_key=str(uuid4())
    )
    await until_success(lambda: client.inbox.PutInboxMessage(request))
    record.sent.add(content)


@dataclass
class CutReader:
    """A client behind the proxy, with a random budget for each reply."""

    client: Client
    user: User
    proxy: CuttingProxy
    chance: random.Random
    record: Record = field(default_factory=Record)

    async def lease_and_acknowledge(self) -> None:
        """Read by lease. Raise CallError if the reply was cut."""
        self._draw_budget(BYTES_PER_MESSAGE * len(self.record.missing))
        messages = await self.client.lease_messages(self.user)
        for message in messages:
            self.record.add(message.id, message.encrypted_message[0], message.deliveries)

        async def acknowledge() -> None:
            self._draw_budget(ACKNOWLEDGE_BYTES)
            await self.client.acknowledge(self.user, *(message.id for message in messages))

        if messages:
            await until_success(acknowledge)

    async def take(self) -> None:
        """Read and remove. Raise CallError if the reply was cut."""
        self._draw_budget(BYTES_PER_MESSAGE)
        for message in await self.client.take_messages(self.user):
            self.record.add(message.id, message.encrypted_message[0])

    async def repeat(self, read: Callable[[], Awaitable[None]], sender: Client) -> None:
        """Send and read until CUT_READS reads were cut."""
        cut = 0
        while cut < CUT_READS:
            await send(sender, self.user, self.record)
            cut += not await succeeds(read)

    def _draw_budget(self, most: int) -> None:
        self.proxy.budget = self.chance.randrange(most)


@pytest.fixture
async def reader(stack: Stack) -> AsyncIterator[CutReader]:
    proxy = CuttingProxy(stack.port)
    async with proxy.running() as url, client_of(RestTransport(url)) as client:
        user = await client.created_user()
        yield CutReader(client, user, proxy, random.Random(1))


@asynccontextmanager
async def client_of(transport: Transport) -> AsyncIterator[Client]:
    try:
        yield Client(channel_over(transport))
    finally:
        await transport.close()


class TestCutReplies:
    async def test_lose_and_duplicate_nothing_with_lease_and_acknowledgement(
        self, stack: Stack, reader: CutReader, database: asyncpg.Connection
    ) -> None:
        async def read() -> None:
            await end_leases(database, reader.user.id)
            await reader.lease_and_acknowledge()

        async with client_of(GrpcTransport(stack.url)) as sender:
            await reader.repeat(read, sender)
        reader.proxy.budget = None
        await end_leases(database, reader.user.id)
        for message in await reader.client.lease_messages(reader.user):
            reader.record.add(message.id, message.encrypted_message[0], message.deliveries)
        reader.record.require_exactly_once()
        # Cut reads held messages, which came again.
        assert reader.record.redelivered > 0

    async def test_lose_messages_with_a_read_that_removes_them(
        self, stack: Stack, reader: CutReader
    ) -> None:
        async with client_of(GrpcTransport(stack.url)) as sender:
            await reader.repeat(reader.take, sender)
        # A message waited at each read, and the server had begun to reply.
        assert len(reader.record.missing) == CUT_READS


@pytest.fixture
def workers(postgres: TemporaryPostgres) -> Iterator[tuple[Stack, str]]:
    """A stack with two workers, and the URL of its database."""
    url = asyncio.run(make_database(postgres, "inbox_leases"))
    with (
        TemporaryDirectory(prefix="gymlocker-inbox-") as folder,
        running_stack(Path(folder), workers=2, DATABASE_URL=url) as stack,
    ):
        yield stack, url


class TestKilledWorkers:
    async def test_lose_and_duplicate_nothing_with_two_devices(
        self, workers: tuple[Stack, str]
    ) -> None:
        stack, url = workers
        database = await asyncpg.connect(url)
        record = Record()
        async with (
            client_of(GrpcTransport(stack.url)) as client,
            client_of(RestTransport(stack.url)) as other,
        ):
            user = await client.created_user()
            for number in range(KILLS):
                done = asyncio.Event()
                async with asyncio.TaskGroup() as group:
                    for device in (client, other):
                        group.create_task(run_device(device, user, record, done))
                    sending = group.create_task(send_many(client, user, record))
                    await kill_worker(stack, number % 2)
                    await sending
                    done.set()
            # What the killed workers had leased comes back.
            await end_leases(database, user.id)
            await read_once(client, user, record)
        await database.close()
        record.require_exactly_once()


async def read_once(client: Client, user: User, record: Record) -> None:
    """Lease, process and acknowledge."""
    messages = await client.lease_messages(user, seconds=LEASE_SECONDS)
    for message in messages:
        record.add(message.id, message.encrypted_message[0], message.deliveries)
    if messages:
        ids = [message.id for message in messages]
        await until_success(lambda: client.acknowledge(user, *ids))


async def run_device(client: Client, user: User, record: Record, done: asyncio.Event) -> None:
    """Read until `done` is set."""
    while not done.is_set():
        await until_success(lambda: read_once(client, user, record))


async def send_many(client: Client, user: User, record: Record) -> None:
    for _ in range(MESSAGES_PER_KILL):
        await send(client, user, record)


async def kill_worker(stack: Stack, number: int) -> None:
    """Kill a worker, and wait until another has replaced it."""
    worker = processes.worker(stack, number)
    worker.kill()

    def is_replaced() -> bool:
        with suppress(LookupError):
            return bool(processes.worker(stack, number).pid != worker.pid)
        return False

    await eventually(is_replaced)

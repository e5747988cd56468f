"""Writers that publish, replace and delete events."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from grpc import StatusCode
from gymlocker.v2 import event_pb2

from server.programs.demo.transport import CallError
from tests.faults.feed.record import DELETED, PUBLISHED, REPLACED, Record, State
from tests.support.client import Client, User, event_of

# A call can fail with its worker, with Envoy or with the database, or wait for them in vain.
EXPECTED = {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED}


@dataclass
class Writers:
    """Writers of events of a few users; each event has one writer."""

    client: Client
    users: Sequence[User]
    record: Record
    chance: random.Random
    failures: Counter[str] = field(default_factory=Counter)
    unexpected: list[CallError] = field(default_factory=list)
    is_done: bool = False

    async def run(self, writers: int) -> None:
        """Let `writers` write until `is_done`."""
        await asyncio.gather(*(self._run(number) for number in range(writers)))

    async def publish_held(self, start: bytes) -> None:
        """Publish an event of any user with a payload that begins with `start`."""
        await self._put(PUBLISHED, self.chance.choice(self.users), str(uuid4()), start)

    async def publish_last(self) -> None:
        """Publish an event of each user."""
        for user in self.users:
            while not await self._put(PUBLISHED, user, str(uuid4())):
                pass

    async def _run(self, number: int) -> None:
        user, known = self.users[number % len(self.users)], list[str]()
        while not self.is_done:
            chance = self.chance.random()
            if chance < 0.5 or not known:
                event_id = str(uuid4())
                if await self._put(PUBLISHED, user, event_id):
                    known.append(event_id)
                continue
            index = self.chance.randrange(len(known))
            if chance < 0.75:
                is_kept = await self._put(REPLACED, user, known[index])
            else:
                is_kept = await self._delete(user, known[index]) and self.chance.random() < 0.3
            if not is_kept:
                # The last one takes its place.
                known[index] = known[-1]
                known.pop()

    async def _put(self, kind: str, user: User, event_id: str, start: bytes = b"") -> bool:
        request = event_of(user, start + uuid4().bytes * self.chance.randrange(1, 20))
        request.event_id = event_id
        call = self.client.events.PutEvent(request)
        return await self._write(kind, user, event_id, request.encrypted_event_payload, call)

    async def _delete(self, user: User, event_id: str) -> bool:
        request = event_pb2.DeleteEventRequest(
            user_id=user.id, password=user.password, event_id=event_id
        )
        call = self.client.events.DeleteEvent(request)
        return await self._write(DELETED, user, event_id, None, call)

    async def _write(
        self, kind: str, user: User, event_id: str, state: State, call: Awaitable[object]
    ) -> bool:
        """Return whether the write was acknowledged."""
        try:
            await call
        except CallError as error:
            self.failures[error.code.name] += 1
            if error.code not in EXPECTED:
                self.unexpected.append(error)
            self.record.doubt((user.id, event_id), state)
            # As long as a worker is down, some of the calls fail at once.
            await asyncio.sleep(0.05)
            return False
        self.record.acknowledge(kind, (user.id, event_id), state)
        return True

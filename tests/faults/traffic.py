"""People who use the feed and a diary without pause while something breaks, and keep books on it.

What each of them may be sure of, whatever happens:

- An event whose PutEvent was answered with OK is there, and so is a workout. Whatever was
  answered, a workout is there once.
- No inbox message is delivered twice, and none that was never sent.
- An inbox message whose put was answered with OK is delivered, unless it was in the inbox when a
  read of that inbox failed: reading removes, so what that read found may be gone with its reply.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

import grpc
from gymlocker.v2 import auth_pb2, event_pb2, inbox_pb2, system_pb2, user_pb2, workout_pb2

from server.programs.demo.transport import (
    CallError,
    GrpcTransport,
    RestTransport,
    Transport,
    Unreachable,
    channel_over,
)
from tests.support.client import Client, bearer, event_of
from tests.support.waiting import eventually

Reply = TypeVar("Reply")

# Envoy ends a call after 30 s; a client that waits longer than this has been forgotten.
MAX_SECONDS = 40.0
# After a failure, as clients do; without it a refused connection is tried a thousand times.
PAUSE_SECONDS = 0.05


@dataclass
class Caller:
    """One person with an app of their own."""

    client: Client
    user: user_pb2.CreateUserResponse
    secret: str
    tokens: auth_pb2.Tokens
    rounds: int = 0
    errors: list[CallError] = field(default_factory=list)
    events: dict[str, bytes] = field(default_factory=dict)
    workouts: set[str] = field(default_factory=set)
    sent: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)
    may_be_lost: set[bytes] = field(default_factory=set)
    delivered: Counter[bytes] = field(default_factory=Counter)

    async def live(self) -> None:
        """Publishes, writes, reads, forever."""
        while True:
            before = len(self.errors)
            await self.publish()
            await self.train()
            await self.write()
            await self.read()
            await self.tried(self.client.system.GetHealth(system_pb2.GetHealthRequest()))
            if len(self.errors) == before:
                self.rounds += 1
            else:
                await asyncio.sleep(PAUSE_SECONDS)

    async def publish(self) -> None:
        """Publishes an event."""
        request = event_of(self.user, payload=uuid4().bytes)
        if await self.tried(self.client.events.PutEvent(request)):
            self.events[request.event_id] = request.encrypted_event_payload

    async def train(self) -> None:
        """Adds a workout, twice, as an app does that heard no answer."""
        request = workout_pb2.CreateWorkoutRequest(
            id=str(uuid4()), date="2026-02-07", type="Running", duration=30
        )
        for _ in range(2):
            if await self.tried(
                self.client.workouts.CreateWorkout(request, metadata=bearer(self.tokens))
            ):
                self.workouts.add(request.id)

    async def write(self) -> None:
        """Sends a message to their own inbox."""
        message = uuid4().bytes
        self.sent.add(message)
        request = inbox_pb2.PutInboxMessageRequest(
            to_user_id=self.user.id, encrypted_message=[message]
        )
        if await self.tried(self.client.inbox.PutInboxMessage(request)):
            self.acknowledged.add(message)

    async def read(self) -> None:
        """Reads their inbox."""
        request = inbox_pb2.GetInboxMessagesRequest(
            user_id=self.user.id, password=self.user.password
        )
        reply = await self.tried(self.client.inbox.GetInboxMessages(request))
        if reply is None:
            self.may_be_lost |= self.sent - self.delivered.keys()
        else:
            self.delivered.update(item.encrypted_message[0] for item in reply.inbox_messages)

    async def tried(self, call: Awaitable[Reply]) -> Reply | None:
        """The reply, or None and the error is on record."""
        try:
            return await call
        except CallError as error:
            self.errors.append(error)
            return None

    async def check(self) -> None:
        """Compares the books with what is there."""
        await self.read()
        reply = await self.client.events.GetEvents(
            event_pb2.GetEventsRequest(
                users=[event_pb2.FollowedUser(user_id=self.user.id, follow_secret=self.secret)]
            )
        )
        diary = await self.diary()
        assert self.workouts <= set(diary)
        assert len(diary) == len(set(diary)) == await self.counted()
        found = {event.event_id: event.encrypted_event_payload for event in reply.events}
        assert self.events.items() <= found.items()
        assert not self.delivered or max(self.delivered.values()) == 1
        assert self.delivered.keys() <= self.sent
        assert self.acknowledged - self.delivered.keys() <= self.may_be_lost

    async def diary(self) -> list[str]:
        """The ids of all workouts that are there."""
        ids: list[str] = []
        page = workout_pb2.ListWorkoutsResponse(next_page_token="")
        while not ids or page.next_page_token:
            request = workout_pb2.ListWorkoutsRequest(
                page_size=100, page_token=page.next_page_token
            )
            page = await self.client.workouts.ListWorkouts(request, metadata=bearer(self.tokens))
            ids += [workout.id for workout in page.workouts]
        return ids

    async def counted(self) -> int:
        """How many workouts the figures count."""
        request = workout_pb2.GetWorkoutStatsRequest()
        stats = await self.client.workouts.GetWorkoutStats(request, metadata=bearer(self.tokens))
        return stats.count


@dataclass
class Traffic:
    """All callers: every second one over gRPC, the others over REST."""

    over_grpc: list[Caller]
    over_rest: list[Caller]

    @property
    def callers(self) -> list[Caller]:
        return self.over_grpc + self.over_rest

    @property
    def errors(self) -> list[CallError]:
        return [error for caller in self.callers for error in caller.errors]

    async def flows(self) -> None:
        """Returns when every caller has gone through two more rounds without an error."""
        goals = [(caller, caller.rounds + 2) for caller in self.callers]
        await eventually(lambda: all(caller.rounds >= goal for caller, goal in goals), MAX_SECONDS)

    async def fails(self) -> None:
        """Returns when somebody was told over gRPC that it does not work, and over REST."""
        before = [len(callers_errors(callers)) for callers in (self.over_grpc, self.over_rest)]
        await eventually(
            lambda: all(
                len(callers_errors(callers)) > number
                for callers, number in zip((self.over_grpc, self.over_rest), before, strict=True)
            ),
            MAX_SECONDS,
        )

    def errors_were_clear(self, *codes: grpc.StatusCode) -> None:
        """Fails if a call ended with another code than these, or over REST without our JSON."""
        unclear = [str(error) for error in self.errors if error.code not in codes]
        assert unclear == []
        for error in callers_errors(self.over_rest):
            assert isinstance(error, Unreachable) or error.details.details, str(error)


def callers_errors(callers: list[Caller]) -> list[CallError]:
    """All errors of `callers`."""
    return [error for caller in callers for error in caller.errors]


@asynccontextmanager
async def traffic(url: str, callers: int = 2) -> AsyncIterator[Traffic]:
    """`callers` over gRPC and as many over REST, who live; at the end their books must be right."""
    over_grpc: Transport = GrpcTransport(url, timeout=MAX_SECONDS)
    over_rest: Transport = RestTransport(url, timeout=MAX_SECONDS)
    try:
        people = Traffic(
            *[
                [await _newcomer(Client(channel_over(transport))) for _ in range(callers)]
                for transport in (over_grpc, over_rest)
            ]
        )
        lives = [asyncio.create_task(caller.live()) for caller in people.callers]
        try:
            await people.flows()
            yield people
            await people.flows()
        finally:
            for life in lives:
                life.cancel()
            ends = await asyncio.gather(*lives, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
        for caller in people.callers:
            # What was under way at the end counts as a read that failed.
            caller.may_be_lost |= caller.sent - caller.delivered.keys()
            await caller.check()
    finally:
        await over_grpc.close()
        await over_rest.close()


async def _newcomer(client: Client) -> Caller:
    user = await client.new_user()
    return Caller(client, user, await client.new_secret(user), await client.login(user))

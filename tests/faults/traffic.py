"""Continuous traffic on the feed and the diary, with a record to check during failures.

Guarantees for each caller, whatever fails:

- An event or a workout exists if the call that stored it returned OK. A workout exists only once,
  whatever the call returned.
- No inbox message is delivered twice, or without having been sent.
- An inbox message is delivered if the put returned OK, unless it was in the inbox when a read of
  that inbox failed: reading deletes messages, so that they can be lost with the response.
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

Response = TypeVar("Response")

# Above Envoy's timeout of 30 s: a client that waits longer will never get a response.
TIMEOUT = 40.0
# Delay after a failure, as in clients: a refused connection fails within a millisecond.
RETRY_SECONDS = 0.05


@dataclass
class Caller:
    """One user with an app."""

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

    async def run(self) -> None:
        """Call all services in a loop, forever."""
        while True:
            before = len(self.errors)
            await self.publish()
            await self.add_workout()
            await self.send_message()
            await self.read_inbox()
            await self.attempt(self.client.system.GetHealth(system_pb2.GetHealthRequest()))
            if len(self.errors) == before:
                self.rounds += 1
            else:
                await asyncio.sleep(RETRY_SECONDS)

    async def publish(self) -> None:
        """Publish an event."""
        request = event_of(self.user, payload=uuid4().bytes)
        if await self.attempt(self.client.events.PutEvent(request)):
            self.events[request.event_id] = request.encrypted_event_payload

    async def add_workout(self) -> None:
        """Add a workout twice, as an app does that got no response."""
        request = workout_pb2.CreateWorkoutRequest(
            id=str(uuid4()), date="2026-02-07", type="Running", duration=30
        )
        for _ in range(2):
            if await self.attempt(
                self.client.workouts.CreateWorkout(request, metadata=bearer(self.tokens))
            ):
                self.workouts.add(request.id)

    async def send_message(self) -> None:
        """Send a message to the caller's own inbox."""
        message = uuid4().bytes
        self.sent.add(message)
        request = inbox_pb2.PutInboxMessageRequest(
            to_user_id=self.user.id, encrypted_message=[message]
        )
        if await self.attempt(self.client.inbox.PutInboxMessage(request)):
            self.acknowledged.add(message)

    async def read_inbox(self) -> None:
        """Read the inbox."""
        request = inbox_pb2.GetInboxMessagesRequest(
            user_id=self.user.id, password=self.user.password
        )
        response = await self.attempt(self.client.inbox.GetInboxMessages(request))
        if response is None:
            self.may_be_lost |= self.sent - self.delivered.keys()
        else:
            self.delivered.update(item.encrypted_message[0] for item in response.inbox_messages)

    async def attempt(self, call: Awaitable[Response]) -> Response | None:
        """Return the response, or None after recording the error."""
        try:
            return await call
        except CallError as error:
            self.errors.append(error)
            return None

    async def check(self) -> None:
        """Compare the record with the stored data."""
        await self.read_inbox()
        response = await self.client.events.GetEvents(
            event_pb2.GetEventsRequest(
                users=[event_pb2.FollowedUser(user_id=self.user.id, follow_secret=self.secret)]
            )
        )
        diary = await self.diary()
        assert self.workouts <= set(diary)
        assert len(diary) == len(set(diary)) == await self.workout_count()
        found = {event.event_id: event.encrypted_event_payload for event in response.events}
        assert self.events.items() <= found.items()
        assert not self.delivered or max(self.delivered.values()) == 1
        assert self.delivered.keys() <= self.sent
        assert self.acknowledged - self.delivered.keys() <= self.may_be_lost

    async def diary(self) -> list[str]:
        """Return the ids of all workouts."""
        ids: list[str] = []
        page = workout_pb2.ListWorkoutsResponse(next_page_token="")
        while not ids or page.next_page_token:
            request = workout_pb2.ListWorkoutsRequest(
                page_size=100, page_token=page.next_page_token
            )
            page = await self.client.workouts.ListWorkouts(request, metadata=bearer(self.tokens))
            ids += [workout.id for workout in page.workouts]
        return ids

    async def workout_count(self) -> int:
        """Return the number of workouts in the statistics."""
        request = workout_pb2.GetWorkoutStatsRequest()
        stats = await self.client.workouts.GetWorkoutStats(request, metadata=bearer(self.tokens))
        return stats.count


@dataclass
class Traffic:
    """All callers, half of them over gRPC, half over REST."""

    over_grpc: list[Caller]
    over_rest: list[Caller]

    @property
    def callers(self) -> list[Caller]:
        return self.over_grpc + self.over_rest

    @property
    def errors(self) -> list[CallError]:
        return [error for caller in self.callers for error in caller.errors]

    async def until_success(self) -> None:
        """Wait until every caller has completed two more rounds without an error."""
        goals = [(caller, caller.rounds + 2) for caller in self.callers]
        await eventually(lambda: all(caller.rounds >= goal for caller, goal in goals), TIMEOUT)

    async def until_failure(self) -> None:
        """Wait until a call over gRPC and a call over REST have failed."""
        before = [len(callers_errors(callers)) for callers in (self.over_grpc, self.over_rest)]
        await eventually(
            lambda: all(
                len(callers_errors(callers)) > number
                for callers, number in zip((self.over_grpc, self.over_rest), before, strict=True)
            ),
            TIMEOUT,
        )

    def require_clear_errors(self, *codes: grpc.StatusCode) -> None:
        """Fail if a call ended with another code, or over REST without the contract's JSON."""
        unclear = [str(error) for error in self.errors if error.code not in codes]
        assert unclear == []
        for error in callers_errors(self.over_rest):
            assert isinstance(error, Unreachable) or error.details.details, str(error)


def callers_errors(callers: list[Caller]) -> list[CallError]:
    """Return all errors of `callers`."""
    return [error for caller in callers for error in caller.errors]


@asynccontextmanager
async def traffic(url: str, callers: int = 2) -> AsyncIterator[Traffic]:
    """Run `callers` over gRPC and as many over REST; check their records at the end."""
    over_grpc: Transport = GrpcTransport(url, timeout=TIMEOUT)
    over_rest: Transport = RestTransport(url, timeout=TIMEOUT)
    try:
        users = Traffic(
            *[
                [await _new_caller(Client(channel_over(transport))) for _ in range(callers)]
                for transport in (over_grpc, over_rest)
            ]
        )
        tasks = [asyncio.create_task(caller.run()) for caller in users.callers]
        try:
            await users.until_success()
            yield users
            await users.until_success()
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
        for caller in users.callers:
            # A read that was in flight at the end counts as failed.
            caller.may_be_lost |= caller.sent - caller.delivered.keys()
            await caller.check()
    finally:
        await over_grpc.close()
        await over_rest.close()


async def _new_caller(client: Client) -> Caller:
    user = await client.new_user()
    return Caller(client, user, await client.new_secret(user), await client.login(user))

"""PushDispatcher."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from server.libraries.common.periodic import repeat
from server.services.push import dispatcher
from server.services.push.dispatcher import MAX_USERS, MISSED_SECONDS, PushDispatcher
from server.services.push.due_pushes import DuePushRepository
from server.services.push.model import DuePush
from server.services.push.pusher import Outcome, Result
from server.services.push.repository import EndpointRepository
from tests.services.push.device import Device
from tests.services.push.rows import confirmed, put_message, row_of
from tests.support.client import many_users
from tests.support.waiting import eventually, eventually_true

HOUR = timedelta(hours=1)


class FakePusher:
    """A pusher that keeps what it would send, and returns what it is told."""

    def __init__(self) -> None:
        self.pushes: list[DuePush] = []
        self.outcome = Outcome(Result.ACCEPTED)
        self.error: Exception | None = None
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def push(self, push: DuePush) -> Outcome:
        self.pushes.append(push)
        await self.may_end.wait()
        if self.error:
            raise self.error
        return self.outcome

    async def close(self) -> None:
        pass


class Sender:
    """A dispatcher as a worker runs it."""

    def __init__(self, queue: DuePushRepository) -> None:
        self.pusher, self.results, self.now = FakePusher(), Counter[str](), 0.0
        self.dispatcher = PushDispatcher(
            queue,
            self.pusher,  # type: ignore[arg-type]
            lambda result: self.results.update([result]),
            monotonic=lambda: self.now,
        )

    async def settle(self) -> None:
        """Run once, and wait for the pushes."""
        await self.dispatcher.run()
        await asyncio.gather(*self.dispatcher._tasks)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "PAUSE_SECONDS", 0)


@pytest.fixture
async def new_sender(queue: DuePushRepository) -> AsyncIterator[Callable[[], Sender]]:
    senders: list[Sender] = []

    def new() -> Sender:
        senders.append(Sender(queue))
        return senders[-1]

    yield new
    for sender in senders:
        await sender.dispatcher.close()


@pytest.fixture
def sender(new_sender: Callable[[], Sender]) -> Sender:
    return new_sender()


@pytest.fixture
async def endpoint_id(
    connection: asyncpg.Connection, endpoints: EndpointRepository, user_id: UUID
) -> UUID:
    return await confirmed(connection, endpoints, user_id, Device("https://push.example/one"))


class TestWake:
    async def test_sends_push(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID, endpoint_id: UUID
    ) -> None:
        await sender.settle()
        await put_message(connection, user_id)
        sender.dispatcher.wake(user_id)
        await sender.settle()
        assert [push.endpoint_id for push in sender.pusher.pushes] == [endpoint_id]
        assert sender.results == {"accepted": 1}

    async def test_sends_one_push_for_many_messages(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID, endpoint_id: UUID
    ) -> None:
        await sender.settle()
        for _ in range(5):
            await put_message(connection, user_id)
            sender.dispatcher.wake(user_id)
            await sender.settle()
        assert [push.endpoint_id for push in sender.pusher.pushes] == [endpoint_id]
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] == row["attempted"] + timedelta(minutes=1)

    @pytest.mark.usefixtures("endpoint_id")
    async def test_runs_the_job_at_once(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        job = partial(repeat, sender.dispatcher.run, name="push", wake=sender.dispatcher.due)
        task = asyncio.create_task(job(interval_seconds=3600))
        await eventually(lambda: sender.dispatcher._looked is not None)
        await put_message(connection, user_id)
        sender.dispatcher.wake(user_id)
        await eventually(lambda: len(sender.pusher.pushes) == 1)
        task.cancel()

    async def test_is_bounded(self, sender: Sender) -> None:
        for number in range(MAX_USERS + 10):
            sender.dispatcher.wake(UUID(int=number))
        assert len(sender.dispatcher._users) == MAX_USERS


@pytest.mark.usefixtures("endpoint_id")
class TestRun:
    async def test_finds_missed_messages_at_start_and_each_minute(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID
    ) -> None:
        await sender.settle()
        await put_message(connection, user_id)
        sender.now = MISSED_SECONDS - 1
        await sender.settle()
        assert sender.pusher.pushes == []
        sender.now = MISSED_SECONDS
        await sender.settle()
        assert len(sender.pusher.pushes) == 1

    async def test_two_workers_send_one_push(
        self,
        new_sender: Callable[[], Sender],
        connection: asyncpg.Connection,
        user_id: UUID,
    ) -> None:
        senders = [new_sender() for _ in range(3)]
        await put_message(connection, user_id)
        for sender in senders:
            sender.dispatcher.wake(user_id)
        await asyncio.gather(*[sender.settle() for sender in senders])
        assert sum(len(sender.pusher.pushes) for sender in senders) == 1

    async def test_bounds_pushes_in_flight_and_sends_all(
        self,
        sender: Sender,
        connection: asyncpg.Connection,
        endpoints: EndpointRepository,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(dispatcher, "MAX_IN_FLIGHT", 2)
        for user in await many_users(connection, 5):
            await endpoints.register(user, Device("https://push.example/x").subscription)
        sender.pusher.may_end.clear()
        job = partial(repeat, sender.dispatcher.run, name="push", wake=sender.dispatcher.due)
        task = asyncio.create_task(job(interval_seconds=3600))
        await eventually(lambda: len(sender.pusher.pushes) == 2)
        await sender.dispatcher.run()
        assert len(sender.pusher.pushes) == 2
        sender.pusher.may_end.set()
        await eventually(lambda: len(sender.pusher.pushes) == 5)
        task.cancel()

    async def test_closing_leaves_push_to_others(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID, endpoint_id: UUID
    ) -> None:
        sender.pusher.may_end.clear()
        await put_message(connection, user_id)
        await sender.dispatcher.run()
        await eventually(lambda: bool(sender.pusher.pushes))
        await sender.dispatcher.close()
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] > row["attempted"] and row["pushed"] is None

    async def test_survives_unexpected_errors(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID, endpoint_id: UUID
    ) -> None:
        sender.pusher.error = RuntimeError("canary")
        await put_message(connection, user_id)
        await sender.settle()
        row = await row_of(connection, endpoint_id)
        assert row and row["due"] is not None

    @pytest.mark.parametrize(
        ("result", "columns"),
        [
            (Result.ACCEPTED, {"failures": 0, "is_due": False, "is_pushed": True}),
            (Result.REFUSED, {"failures": 1, "is_due": False, "is_pushed": True}),
            (Result.FORBIDDEN, {"failures": 1, "is_due": False, "is_pushed": True}),
            (Result.FAILED, {"failures": 1, "is_due": True, "is_pushed": False}),
            (Result.POSTPONED, {"failures": 0, "is_due": True, "is_pushed": False}),
        ],
    )
    async def test_records_result(
        self,
        sender: Sender,
        connection: asyncpg.Connection,
        user_id: UUID,
        endpoint_id: UUID,
        result: Result,
        columns: dict[str, object],
    ) -> None:
        sender.pusher.outcome = Outcome(result, HOUR)
        await put_message(connection, user_id)
        await sender.settle()
        row = await row_of(connection, endpoint_id)
        assert row
        found = {"is_due": row["due"] is not None, "is_pushed": row["pushed"] is not None}
        assert found | {"failures": row["failures"]} == columns
        assert row["due"] is None or row["due"] - row["attempted"] >= HOUR

    async def test_forgets_endpoint_that_is_gone(
        self, sender: Sender, connection: asyncpg.Connection, user_id: UUID, endpoint_id: UUID
    ) -> None:
        sender.pusher.outcome = Outcome(Result.GONE)
        await put_message(connection, user_id)
        await sender.settle()
        assert await row_of(connection, endpoint_id) is None

    async def test_announces_what_came_while_the_database_was_down(
        self,
        sender: Sender,
        queue: DuePushRepository,
        connection: asyncpg.Connection,
        user_id: UUID,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await sender.settle()
        await put_message(connection, user_id)
        with monkeypatch.context() as context:
            context.setattr(queue, "announce", _broken)
            sender.dispatcher.wake(user_id)
            with pytest.raises(asyncpg.PostgresConnectionError):
                await sender.dispatcher.run()
        sender.now = MISSED_SECONDS

        async def is_sent() -> bool:
            await sender.settle()
            return len(sender.pusher.pushes) == 1

        await eventually_true(is_sent)


async def _broken(_: object) -> None:
    raise asyncpg.PostgresConnectionError

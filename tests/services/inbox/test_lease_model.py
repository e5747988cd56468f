"""Arbitrary interleavings of senders, readers and time, compared with a model.

Readers keep their transactions open while others act, then commit or roll back. The model states
exactly what each reader gets. So no message is leased twice at a time or lost, and none comes back
that was acknowledged.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from server.services.inbox.statements import (
    ACKNOWLEDGE_MESSAGES,
    LEASE_MESSAGES,
    TAKE_MESSAGES,
)
from tests.services.inbox.leases import end_leases
from tests.support.client import many_users

pytestmark = pytest.mark.extended

Result = TypeVar("Result")

READERS = 3
LEASE = dt.timedelta(hours=1)
PUT = """
INSERT INTO user_inbox_items (id, user_id, encrypted_message) VALUES ($1, $2, ARRAY[$3::bytea])
"""
PUT_BY_LIFTLOG = """
INSERT INTO user_inbox_items (id, user_id, encrypted_message, received)
VALUES ($1, $2, ARRAY[$3::bytea], NULL)
"""


@dataclass
class Message:
    """A message that waits: its place in the order, and its leases."""

    id: UUID
    place: tuple[int, int | UUID]
    is_leased: bool = False
    deliveries: int = 0

    @property
    def content(self) -> bytes:
        return self.id.bytes


@dataclass
class Reader:
    """A connection, its open transaction, and what it has read in it."""

    connection: asyncpg.Connection
    transaction: Transaction | None = None
    kind: Literal["lease", "take"] = "lease"
    read: list[Message] = field(default_factory=list)


class InboxMachine(RuleBasedStateMachine):
    """One inbox, its readers and the model."""

    def __init__(
        self,
        run: Callable[[Awaitable[Any]], Any],
        connections: list[asyncpg.Connection],
    ) -> None:
        super().__init__()
        self._run = run
        self._sender, *readers = connections
        self._readers = [Reader(connection) for connection in readers]
        self._waiting: dict[UUID, Message] = {}
        self._delivered: list[UUID] = []
        self._places = count()

    @initialize()
    def make_user(self) -> None:
        [self._user] = self._run(many_users(self._sender, 1))

    @rule(by_liftlog=st.sampled_from([False, False, True]))
    def put(self, by_liftlog: bool) -> None:
        id_ = uuid4()
        place = (0, id_) if by_liftlog else (1, next(self._places))
        statement = PUT_BY_LIFTLOG if by_liftlog else PUT
        self._run(self._sender.execute(statement, id_, self._user, id_.bytes))
        self._waiting[id_] = Message(id_, place)

    @rule(number=st.integers(0, READERS - 1), at_most=st.integers(1, 4))
    def lease(self, number: int, at_most: int) -> None:
        arguments = LEASE_MESSAGES.arguments(
            {"owner_id": self._user, "duration": LEASE, "max_messages": at_most}
        )
        self._read(number, "lease", LEASE_MESSAGES.sql, arguments, at_most)

    @rule(number=st.integers(0, READERS - 1))
    def take(self, number: int) -> None:
        arguments = TAKE_MESSAGES.arguments({"owner_id": self._user})
        self._read(number, "take", TAKE_MESSAGES.sql, arguments, None)

    @rule(number=st.integers(0, READERS - 1))
    def commit(self, number: int) -> None:
        reader = self._readers[number]
        if not reader.transaction:
            return
        self._run(reader.transaction.commit())
        for message in reader.read:
            if reader.kind == "take":
                del self._waiting[message.id]
            else:
                message.is_leased = True
                message.deliveries += 1
                self._delivered.append(message.id)
        reader.transaction, reader.read = None, []

    @rule(number=st.integers(0, READERS - 1))
    def roll_back(self, number: int) -> None:
        reader = self._readers[number]
        if reader.transaction:
            self._run(reader.transaction.rollback())
            reader.transaction, reader.read = None, []

    @precondition(lambda self: self._delivered)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(self._delivered), min_size=1, max_size=3))
        arguments = ACKNOWLEDGE_MESSAGES.arguments({"owner_id": self._user, "ids": ids})
        acknowledging = self._sender.execute(ACKNOWLEDGE_MESSAGES.sql, *arguments)
        if self._locked() & set(ids):
            # It waits for the reader that has the message.
            with pytest.raises(asyncpg.LockNotAvailableError):
                self._run(acknowledging)
        else:
            self._run(acknowledging)
            for id_ in ids:
                self._waiting.pop(id_, None)

    @rule()
    def end_leases(self) -> None:
        self._run(end_leases(self._sender, str(self._user)))
        for message in self._waiting.values():
            message.is_leased = False

    def teardown(self) -> None:
        """Read the rest."""
        for number in range(READERS):
            self.roll_back(number)
        self.end_leases()
        self.take(0)
        self.commit(0)
        assert self._waiting == {}

    def _read(
        self,
        number: int,
        kind: Literal["lease", "take"],
        sql: str,
        arguments: list[object],
        at_most: int | None,
    ) -> None:
        """Read in a new transaction, if the reader has none, and compare with the model."""
        reader = self._readers[number]
        if reader.transaction:
            return
        locked = self._locked()
        free = [
            message
            for message in sorted(self._waiting.values(), key=lambda message: message.place)
            if not message.is_leased and message.id not in locked
        ]
        reader.kind, reader.read = kind, free[:at_most]
        reader.transaction = reader.connection.transaction()
        self._run(reader.transaction.start())
        rows = self._run(reader.connection.fetch(sql, *arguments))
        assert [(row["id"], row["encrypted_message"]) for row in rows] == [
            (message.id, [message.content]) for message in reader.read
        ]
        if kind == "lease":
            assert [row["deliveries"] for row in rows] == [
                message.deliveries + 1 for message in reader.read
            ]

    def _locked(self) -> set[UUID]:
        return {message.id for reader in self._readers for message in reader.read}


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_readers_get_what_the_model_says(housekeeping: str, runner: asyncio.Runner) -> None:
    async def wait_for(result: Awaitable[Any]) -> Any:
        return await result

    async def connect() -> list[asyncpg.Connection]:
        # Short, for acknowledgements that have to wait.
        return [
            await asyncpg.connect(housekeeping, server_settings={"lock_timeout": "5ms"})
            for _ in range(1 + READERS)
        ]

    connections = runner.run(connect())

    class Machine(InboxMachine):
        def __init__(self) -> None:
            super().__init__(lambda result: runner.run(wait_for(result)), connections)

    try:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                derandomize=True,
                deadline=None,
                max_examples=60,
                stateful_step_count=40,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
    finally:
        for connection in connections:
            runner.run(connection.close())

"""Refreshing of what watchers share."""

import asyncio
from collections.abc import AsyncIterator, Collection
from uuid import UUID, uuid4

import asyncpg
import pytest

from server.errors import Unavailable
from server.libraries.hints import refreshing
from server.libraries.hints.refreshing import (
    HEAL_SECONDS,
    MAX_USERS,
    POLL_SECONDS,
    Healing,
    MarkedUsers,
)


class Reads:
    """A read that fails with `errors` first, and waits while `may_end` is clear."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[list[UUID]] = asyncio.Queue()
        self.errors: list[Exception] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.in_flight = 0

    async def __call__(self, users: Collection[UUID]) -> None:
        assert self.in_flight == 0
        self.in_flight += 1
        self.begun.put_nowait(list(users))
        await self.may_end.wait()
        self.in_flight -= 1
        if self.errors:
            raise self.errors.pop(0)

    async def next(self) -> list[UUID]:
        """Return the users of the next read."""
        async with asyncio.timeout(10):
            return await self.begun.get()


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
async def marked(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MarkedUsers]:
    monkeypatch.setattr(refreshing, "RETRY_SECONDS", 0.01)
    marked = MarkedUsers(reads)
    task = asyncio.create_task(marked.run())
    yield marked
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


class TestMarkedUsers:
    async def test_reads_a_user_once_for_repeated_marks(
        self, reads: Reads, marked: MarkedUsers
    ) -> None:
        user, other = uuid4(), uuid4()
        for _ in range(3):
            marked.mark(user)
        assert await reads.next() == [user]
        marked.mark(other)
        assert await reads.next() == [other]

    async def test_reads_a_user_again_who_is_marked_during_a_read(
        self, reads: Reads, marked: MarkedUsers
    ) -> None:
        user = uuid4()
        reads.may_end.clear()
        marked.mark(user)
        assert await reads.next() == [user]
        marked.mark(user)
        marked.mark(user)
        reads.may_end.set()
        assert await reads.next() == [user]
        marked.mark(other := uuid4())
        assert await reads.next() == [other]

    async def test_reads_few_users_at_a_time(self, reads: Reads, marked: MarkedUsers) -> None:
        users = [uuid4() for _ in range(MAX_USERS + 1)]
        for user in users:
            marked.mark(user)
        assert await reads.next() == users[:-1]
        assert await reads.next() == users[-1:]

    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(Unavailable("Try again.", reason="UNAVAILABLE"), id="unavailable"),
            # As of a server that has become a standby.
            pytest.param(asyncpg.ObjectNotInPrerequisiteStateError("recovery"), id="of PostgreSQL"),
        ],
    )
    async def test_reads_again_after_an_error(
        self, reads: Reads, marked: MarkedUsers, error: Exception
    ) -> None:
        user, other = uuid4(), uuid4()
        reads.errors = [error, error]
        marked.mark(user)
        assert await reads.next() == [user]
        marked.mark(other)
        assert sorted(await reads.next()) == sorted([user, other])
        assert sorted(await reads.next()) == sorted([user, other])


class Scene:
    """A job of healing, the time, and the number of refreshes."""

    def __init__(self) -> None:
        self.is_live = True
        self.now = 100.0
        self.healed = 0
        self.error: Exception | None = None
        self.healing = Healing(self, self._heal, lambda: self.now)

    async def _heal(self) -> None:
        if self.error is not None:
            raise self.error
        self.healed += 1

    async def healed_in(self, seconds: int) -> int:
        """Run the job once a second; return how often it refreshed."""
        before = self.healed
        for _ in range(seconds):
            self.now += POLL_SECONDS
            await self.healing()
        return self.healed - before


class TestHealing:
    async def test_is_rare_while_hints_arrive(self) -> None:
        assert await Scene().healed_in(60) == 60 // HEAL_SECONDS

    async def test_is_every_second_without_hints(self) -> None:
        scene = Scene()
        scene.is_live = False
        assert await scene.healed_in(60) == 60
        scene.is_live = True
        assert await scene.healed_in(9) == 0

    async def test_is_at_once_after_missed_hints(self) -> None:
        scene = Scene()
        scene.healing.missed()
        assert scene.healing.wake.is_set()
        await scene.healing()
        await scene.healing()
        assert scene.healed == 1
        assert await scene.healed_in(10) == 1

    async def test_is_repeated_until_it_succeeds(self) -> None:
        scene = Scene()
        scene.healing.missed()
        scene.error = Unavailable("Try again.", reason="UNAVAILABLE")
        with pytest.raises(Unavailable):
            await scene.healing()
        scene.error = None
        await scene.healing()
        assert scene.healed == 1

"""Watcher: positions of one stream among the batches that all share."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from server.errors import Unavailable
from server.services.event.watch import watcher
from server.services.event.watch.shared_feeds import Batch
from server.services.event.watch.watcher import Watcher
from tests.services.event.watch.conftest import Scene, Stream
from tests.support.waiting import eventually

SECOND = timedelta(seconds=1)


def watcher_of(scene: Scene, user: UUID) -> Watcher:
    """Return the only watcher of a user."""
    [found] = scene.feeds._feeds[user].watchers
    assert isinstance(found, Watcher)
    return found


def position_of(scene: Scene, user: UUID) -> datetime:
    return watcher_of(scene, user)._settled[user]


def batch(user: UUID, after: datetime, until: datetime) -> Batch:
    # A message that a client would not understand shows that the batch was sent.
    return Batch(user, after, until, (b"",), 0)


class TestOffer:
    async def test_sends_the_next_batch(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            now = position_of(scene, user)
            reads = scene.events.reads
            watcher_of(scene, user).offer(batch(user, now, now + SECOND))
            await stream.wait_for("None")
            assert position_of(scene, user) == now + SECOND
            assert scene.events.reads == reads

    async def test_ignores_a_batch_of_what_was_sent(self, scene: Scene) -> None:
        user = await scene.new_user()
        await scene.publish(user, b"1", hint=False)
        async with scene.watching(user) as stream:
            now = position_of(scene, user)
            reads = scene.events.reads
            watcher_of(scene, user).offer(batch(user, now - SECOND, now))
            await scene.publish(user, b"2")
            await stream.wait_for("event", 2)
            assert "None" not in stream.names()
            assert scene.events.reads == reads

    async def test_reads_by_itself_after_a_skipped_batch(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            await scene.publish(user, b"1", hint=False)
            now = datetime.now(UTC)
            watcher_of(scene, user).offer(batch(user, now, now + SECOND))
            await stream.wait_for("event")
            assert stream.names().count("None") == 0

    async def test_reads_by_itself_where_a_batch_overlaps(self, scene: Scene) -> None:
        user = await scene.new_user()
        await scene.publish(user, b"1")
        async with scene.watching(user) as stream:
            await scene.publish(user, b"2", hint=False)
            now = position_of(scene, user)
            watcher_of(scene, user).offer(batch(user, now - SECOND, now + 60 * SECOND))
            await stream.wait_for("event", 2)
            assert stream.payloads() == [b"1", b"2"]
            assert stream.names().count("None") == 0


class TestRun:
    async def test_first_read_ends_before_a_heartbeat_is_missed(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watcher, "READ_SECONDS", 0.05)
        user = await scene.new_user()
        scene.events.may_return.clear()
        with pytest.raises(Unavailable):
            async with scene.watching(user, caught_up=False) as stream:
                await stream.task

    async def test_later_read_is_repeated(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            monkeypatch.setattr(watcher, "READ_SECONDS", 0.05)
            monkeypatch.setattr(watcher, "RETRY_SECONDS", 0.05)
            scene.events.begun.clear()
            scene.events.may_return.clear()
            await scene.publish(user, b"1", hint=False)
            watcher_of(scene, user).fall_behind(user)
            await scene.events.begun.wait()
            reads = scene.events.reads
            await eventually(lambda: scene.events.reads > reads)
            monkeypatch.undo()
            scene.events.may_return.set()
            await stream.wait_for("event")


class TestSecrets:
    async def test_of_one_user_are_revoked_one_by_one(self, scene: Scene) -> None:
        user = await scene.new_user("a", "b")
        async with scene.watching(user, "a", "b") as stream:
            await scene.publish(user, b"1")
            await stream.wait_for("event")
            await scene.revoke(user, "a")
            await scene.publish(user, b"2")
            await stream.wait_for("event", 2)
            assert stream.names().count("invalid_follow_secret") == 1
            await scene.revoke(user, "b")
            await scene.publish(user, b"3")
            await stream.task
            assert stream.payloads() == [b"1", b"2"]
            assert stream.names()[-2:] == ["invalid_follow_secret", "ended"]

    async def test_read_a_backlog_once(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        # A page for each event.
        monkeypatch.setattr(watcher, "PAGE_BYTES", 1)
        user = await scene.new_user("a", "b")
        for payload in (b"1", b"2", b"3"):
            await scene.publish(user, payload, hint=False)
        async with scene.watching(user, "a", "b") as stream:
            assert stream.payloads() == [b"1", b"2", b"3"]
        assert scene.events.entries == [2, 1, 1]

    async def test_leave_the_backlog_to_another_when_revoked(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watcher, "PAGE_BYTES", 1)
        user = await scene.new_user("a", "b")
        for payload in (b"1", b"2"):
            await scene.publish(user, payload, hint=False)
        scene.events.may_return.clear()
        async with scene.watching(user, "a", "b", caught_up=False) as stream:
            await scene.events.begun.wait()
            await scene.revoke(user, "a")
            scene.events.may_return.set()
            await stream.wait_for("caught_up")
            assert stream.payloads() == [b"1", b"2"]
            assert stream.names().count("invalid_follow_secret") == 1

    async def test_revoked_during_a_read_send_nothing_later(self, scene: Scene) -> None:
        user = await scene.new_user()
        await scene.publish(user, b"before")
        scene.events.may_return.clear()
        async with scene.watching(user, caught_up=False) as stream:
            await scene.events.begun.wait()
            await scene.revoke(user)
            await scene.publish(user, b"after", hint=False)
            # The read began when the secret was right; the check finds the entry nonetheless.
            await scene.feeds.heal()
            scene.events.may_return.set()
            await stream.task
            assert stream.names() == ["invalid_follow_secret", "caught_up", "ended"]


class TestRestart:
    async def test_drops_what_was_read_of_the_database_before(self, scene: Scene) -> None:
        user = await scene.new_user()
        await scene.publish(user, b"1")
        async with scene.watching(user) as first:
            await first.wait_for("event")
            await self._restart_during_a_read(scene, user)

    async def _restart_during_a_read(self, scene: Scene, user: UUID) -> None:
        scene.events.begun.clear()
        scene.events.may_return.clear()
        async with scene.watching(user, caught_up=False) as stream:
            await scene.events.begun.wait()
            scene.events.replaced = replace(await scene.events.incarnation(), id=b"replaced")
            await scene.feeds.heal()
            scene.events.may_return.set()
            await stream.wait_for("caught_up")
            assert stream.names() == ["reset", "event", "cursor", "caught_up"]

    async def test_comes_before_changes_of_the_new_database(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            scene.events.replaced = replace(await scene.events.incarnation(), id=b"replaced")
            await scene.publish(user, b"1")
            await _cursor_after_event(stream)
            assert stream.names() == ["cursor", "caught_up", "reset", "event", "cursor"]


async def _cursor_after_event(stream: Stream) -> None:
    await asyncio.gather(stream.wait_for("event"), stream.wait_for("cursor", 2))

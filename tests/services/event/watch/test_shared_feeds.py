"""SharedFeeds: a change is read once for all watchers, whatever became of its hint."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from server.libraries.rpc.live_stream import MAX_WAITING_BYTES
from server.services.event.watch import shared_feeds
from tests.services.event.watch.conftest import Scene

# Of an event.
LARGEST = 15 * 1024
# More than may wait for a client.
MANY = MAX_WAITING_BYTES // LARGEST + 1


class TestSharing:
    async def test_reads_a_change_once_for_50_watchers(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(scene.watching(user)) for _ in range(50)]
            # The first watcher that has caught up lets the feed be read once.
            await scene.publish(user, b"0")
            await asyncio.gather(*(one.wait_for("event") for one in streams))
            own, shared = scene.events.reads, len(scene.repository.reads)
            await scene.publish(user, b"1")
            await asyncio.gather(*(one.wait_for("event", 2) for one in streams))
            assert scene.events.reads == own
            assert len(scene.repository.reads) == shared + 1
            assert {tuple(one.payloads()) for one in streams} == {(b"0", b"1")}

    async def test_reads_nothing_of_users_without_watchers(self, scene: Scene) -> None:
        user, stranger = await scene.new_user(), await scene.new_user()
        async with scene.watching(user) as stream:
            await scene.publish(stranger, b"1")
            await scene.publish(user, b"2")
            await stream.wait_for("event")
        assert all(stranger not in users for users in scene.repository.reads)
        await scene.publish(user, b"3")
        assert not scene.feeds._feeds

    async def test_sends_changes_during_a_read_with_the_next_one(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            await scene.publish(user, b"1")
            await stream.wait_for("event")
            scene.repository.begun.clear()
            scene.repository.may_return.clear()
            await scene.publish(user, b"2")
            await scene.repository.begun.wait()
            await scene.publish(user, b"3")
            scene.repository.may_return.set()
            await stream.wait_for("event", 3)
            assert stream.payloads() == [b"1", b"2", b"3"]

    async def test_lets_watchers_read_by_themselves_what_is_too_much(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as first, scene.watching(user) as second:
            await scene.publish(user, b"0")
            for one in (first, second):
                await one.wait_for("event")
            monkeypatch.setattr(shared_feeds, "MAX_READ_BYTES", 5000)
            for number in range(1, 6):
                await scene.publish(user, bytes([number]) * 2000, hint=False)
            own = scene.events.reads
            scene.hint(user)
            for one in (first, second):
                await one.wait_for("event", 6)
                assert [payload[0] for payload in one.payloads()[1:]] == [1, 2, 3, 4, 5]
            assert scene.events.reads == own + 2
            # They share the feed again afterwards.
            await scene.publish(user, b"6")
            for one in (first, second):
                await one.wait_for("event", 7)
                assert one.names().count("reset") == 0
            assert scene.events.reads == own + 2

    async def test_ends_no_stream_for_many_changes_at_once(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            for _ in range(MANY):
                await scene.publish(user, bytes(LARGEST), hint=False)
            scene.hint(user)
            await stream.wait_for("event", MANY)
            assert "ended" not in stream.names()


class TestHeal:
    async def test_finds_changes_without_a_hint(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            await scene.publish(user, b"1", hint=False)
            await scene.feeds.heal()
            await stream.wait_for("event")

    async def test_reads_nothing_where_nothing_changed(self, scene: Scene) -> None:
        user, other = await scene.new_user(), await scene.new_user()
        async with scene.watching(user) as stream, scene.watching(other) as seen:
            for one, watched in ((user, stream), (other, seen)):
                await scene.publish(one, b"1")
                await watched.wait_for("event")
            before = len(scene.repository.reads)
            await scene.feeds.heal()
            await scene.publish(other, b"2")
            await seen.wait_for("event", 2)
            assert scene.repository.reads[before:] == [{other}]

    async def test_ends_entries_whose_secret_was_revoked(self, scene: Scene) -> None:
        user = await scene.new_user()
        async with scene.watching(user) as stream:
            await scene.revoke(user)
            await scene.feeds.heal()
            await stream.task
            assert stream.names()[-2:] == ["invalid_follow_secret", "ended"]

    async def test_begins_again_after_the_database_was_replaced(self, scene: Scene) -> None:
        user = await scene.new_user()
        await scene.publish(user, b"1")
        async with scene.watching(user) as stream:
            await scene.feeds.heal()
            scene.events.replaced = replace(await scene.events.incarnation(), id=b"replaced")
            await scene.feeds.heal()
            await stream.wait_for("reset")
            await stream.wait_for("event", 2)
            await stream.wait_for("cursor", 2)
            assert stream.names()[-3:] == ["reset", "event", "cursor"]


class TestSecrets:
    async def test_are_checked_after_the_changes_were_read(self, scene: Scene) -> None:
        user = await scene.new_user("secret", "other")
        async with scene.watching(user) as stream, scene.watching(user, "other") as other:
            await scene.publish(user, b"0")
            await stream.wait_for("event")
            scene.repository.begun.clear()
            scene.repository.may_return.clear()
            await scene.publish(user, b"1")
            await scene.repository.begun.wait()
            await scene.revoke(user)
            scene.repository.may_return.set()
            await stream.task
            await other.wait_for("event", 2)
            assert stream.payloads() == [b"0"]
            assert stream.names()[-2:] == ["invalid_follow_secret", "ended"]

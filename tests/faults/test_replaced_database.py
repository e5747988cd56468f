"""Followers of a database that is restored, or replaced by a standby that lacks the last second.

What they have seen since is gone, and what they saw deleted is back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from grpc import aio
from gymlocker.v2 import event_pb2_grpc

from server.libraries.database.migrations import migrate
from server.programs.local.postgres import programs
from server.programs.local.temporary_postgres import TemporaryPostgres, temporary_postgres
from tests.faults.external_postgres import ExternalPostgres
from tests.faults.feed.database import connected, stored
from tests.faults.feed.readers import Poller, Watcher
from tests.faults.feed.record import Key
from tests.libraries.database.conftest import make_database
from tests.libraries.database.postmaster import frozen, postmaster_of
from tests.libraries.database.standby import standby_of
from tests.libraries.database.test_several_hosts import in_authority
from tests.services.event.test_get_events_by_cursor import publish, remove
from tests.support.client import Client, User
from tests.support.command import gymlocker
from tests.support.waiting import eventually, eventually_true
from tests.support.worker import health, serving

# Databases are dumped, restored and promoted.
pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]

Step = Callable[[], Awaitable[object]]


@dataclass
class Followers:
    """Two users, and the followers of both: by an open stream, by new streams and by polls."""

    client: Client
    users: list[User]
    open: Watcher
    returning: Watcher
    poller: Poller

    async def live_through(self, keep: Step, go_back: Step, *, before: str, after: str) -> None:
        """Read what is written before and after `keep`, and then what is there after `go_back`.

        `before` and `after` are the URLs of the database.
        """
        events = [await self._publish_three(user) for user in self.users]
        await self._read_until(await stored_at(before))
        await keep()
        for user, (first, second, third) in zip(self.users, events, strict=True):
            # It may have been restarted.
            await eventually_true(partial(self._publishes, user, b"lost", third))
            await publish(self.client, user, b"lost")
            await publish(self.client, user, b"replaced", first)
            await remove(self.client, user, second)
        await self._read_until(await stored_at(before))
        assert self.resets == [0, 0, 0]

        await go_back()
        for user in self.users:
            await eventually_true(partial(self._publishes, user, b"later", user.id))
        there = await stored_at(after)
        assert sorted(there.values()) == sorted([b"0", b"1", b"2", b"later"] * 2)
        await self._read_until(there)
        assert min(self.resets) >= len(self.users)

    @property
    def resets(self) -> list[int]:
        return [one.resets for one in (self.open, self.returning, self.poller)]

    async def _publish_three(self, user: User) -> list[str]:
        return [await publish(self.client, user, b"%d" % number) for number in range(3)]

    async def _publishes(self, user: User, payload: bytes, event: str) -> bool:
        """Publish an event; return False if the database is not there yet."""
        try:
            await publish(self.client, user, payload, event)
        except aio.AioRpcError:
            return False
        return True

    async def _read_until(self, expected: dict[Key, bytes]) -> None:
        """Wait until each has exactly these events. The returning one is cut afterwards."""
        cut = asyncio.create_task(self.returning.run())
        await eventually(lambda: self.open.events == self.returning.events == expected)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        await eventually_true(partial(self._has_polled, expected))

    async def _has_polled(self, expected: dict[Key, bytes]) -> bool:
        try:
            await self.poller.poll(self.client)
        except aio.AioRpcError:
            # The database has only just been replaced.
            return False
        return self.poller.events == expected


@asynccontextmanager
async def followers(socket: Path) -> AsyncIterator[Followers]:
    """Create users at a worker, and let others follow them."""
    async with aio.insecure_channel(f"unix:{socket}") as channel:
        client, stub = Client(channel), event_pb2_grpc.EventServiceStub(channel)
        users = [await client.created_user() for _ in range(2)]
        secrets = {user.id: await client.new_secret(user) for user in users}
        open_one, returning = (Watcher(secrets, stub=stub) for _ in range(2))
        reading = asyncio.create_task(open_one.run())
        try:
            yield Followers(client, users, open_one, returning, Poller(secrets, client=client))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name, for sockets."""
    with TemporaryDirectory(prefix="gymlocker-replaced-") as folder:
        yield Path(folder)


async def stored_at(url: str) -> dict[Key, bytes]:
    async with connected(url) as connection:
        return await stored(connection)


class TestRestoredDump:
    async def test_resets_followers_of_a_restarted_worker(
        self, postgres: TemporaryPostgres, folder: Path
    ) -> None:
        url = await migrated(postgres)
        dump, socket = str(folder / "dump"), folder / "worker.sock"
        async with AsyncExitStack() as worker:

            async def restore() -> None:
                await worker.aclose()
                await eventually_true(partial(is_unused, url))
                ended = await gymlocker(
                    "db", "restore", dump, "--replace", "--yes", DATABASE_URL=url
                )
                assert ended.code == 0, ended
                await worker.enter_async_context(serving(socket, url))

            await worker.enter_async_context(serving(socket, url))
            await health(socket)
            async with followers(socket) as those:
                await those.live_through(partial(backup, url, dump), restore, before=url, after=url)

    async def test_resets_followers_of_a_running_worker(
        self, postgres: TemporaryPostgres, folder: Path
    ) -> None:
        url = await migrated(postgres)
        dump, socket = str(folder / "dump"), folder / "worker.sock"

        async def replace() -> None:
            assert await make_database(postgres, NAME) == url
            await pg_restore(url, dump)

        async with serving(socket, url):
            await health(socket)
            async with followers(socket) as those:
                await those.live_through(partial(backup, url, dump), replace, before=url, after=url)
                # By the stream that was open all the time.
                assert those.open.streams == 1


NAME = "replaced"


async def migrated(postgres: TemporaryPostgres) -> str:
    """Create a database; return its URL."""
    url = await make_database(postgres, NAME)
    await migrate(url, None, lambda _: None)
    return url


async def is_unused(url: str) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    async with connected(url) as connection:
        return bool(await connection.fetchval(query) == 1)


async def backup(url: str, file: str) -> None:
    ended = await gymlocker("db", "backup", file, DATABASE_URL=url)
    assert ended.code == 0, ended


OPTIONS = ("--clean", "--if-exists", "--single-transaction")


async def pg_restore(url: str, file: str) -> None:
    """Restore a dump while workers are connected."""
    await run(programs() / "pg_restore", "--dbname", url, *OPTIONS, file)


async def run(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0


class TestCopiedFiles:
    async def test_reset_followers_when_they_are_put_back(self, folder: Path) -> None:
        socket, data, copy = folder / "worker.sock", folder / "server/data", folder / "server/copy"
        async with ExternalPostgres.running(folder / "server") as (server, url):

            async def keep() -> None:
                await server.switch("off")
                await run("cp", "-a", data, copy)
                await server.switch("on")

            async def put_back() -> None:
                await server.switch("off")
                await run("mv", data, folder / "server/old")
                await run("mv", copy, data)
                await server.switch("on")

            await migrate(url, None, lambda _: None)
            async with serving(socket, url):
                await health(socket)
                async with followers(socket) as those:
                    # Starting PostgreSQL again, as in `keep`, resets nobody.
                    await those.live_through(keep, put_back, before=url, after=url)


class TestFailover:
    async def test_that_loses_writes_resets_followers(self, folder: Path) -> None:
        socket = folder / "worker.sock"
        with temporary_postgres() as primary, standby_of(primary) as standby:
            await migrate(primary.url(), None, lambda _: None)
            async with AsyncExitStack() as failed:

                async def promote() -> None:
                    failed.enter_context(frozen(await postmaster_of(primary.url())))
                    async with connected(standby.url()) as connection:
                        assert await connection.fetchval("SELECT pg_promote()")

                async with serving(socket, in_authority(primary, standby)):
                    await health(socket)
                    async with followers(socket) as those:
                        await those.live_through(
                            partial(cut_off, primary, standby),
                            promote,
                            before=primary.url(),
                            after=standby.url(),
                        )


async def cut_off(primary: TemporaryPostgres, standby: TemporaryPostgres) -> None:
    """End the replication once the standby has everything so far."""
    async with connected(primary.url()) as connection:
        # It is flushed with a delay.
        position = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
    async with connected(standby.url()) as connection:

        async def has_replayed() -> bool:
            query = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
            return bool(await connection.fetchval(query, position))

        async def is_cut_off() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM pg_stat_wal_receiver")

        await eventually_true(has_replayed)
        await connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
        await connection.execute("SELECT pg_reload_conf()")
        await eventually_true(is_cut_off)

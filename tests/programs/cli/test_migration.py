"""`gymlocker migrate --from-sqlite`: from LiftLog's file to a server that its users know."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import GrpcTransport, channel_over
from tests.libraries.database import catalog
from tests.libraries.database.sqlite.household import (
    CASE,
    FUTURE,
    PEOPLE,
    event,
    follow_secret,
    one_of_each,
    user,
    write,
)
from tests.support.client import Client, User, event_of, follow
from tests.support.command import Result, gymlocker
from tests.support.stack import running_stack

pytestmark = pytest.mark.extended

BROUGHT = "Brought in: 3 users, 3 events, 3 follow secrets, 3 inbox messages and 3 shared items.\n"


@dataclass(frozen=True)
class Person:
    """A user of LiftLog's server."""

    user: User
    follow_secret: str


def people() -> list[Person]:
    return [
        Person(
            User(id=one["id"], lookup=one["lookup"], password=one["password"]),
            one["followSecret"],
        )
        for one in json.loads(PEOPLE.read_text())
    ]


@dataclass(frozen=True)
class Scenario:
    """A server that got LiftLog's data before its first start, and what the commands said."""

    folder: Path
    url: str
    stopped: Result
    running: Result


async def from_sqlite(path: Path, *options: str, **environment: str) -> Result:
    return await gymlocker("migrate", "--from-sqlite", str(path), *options, **environment)


def hashed(password: str, salt: bytes) -> str:
    """Return the hash of a password as LiftLog's server stores it."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 350_000, dklen=64)
    return key.hex().upper()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    folder = tmp_path_factory.mktemp("household")

    def command() -> Result:
        return asyncio.run(from_sqlite(CASE, "--data-dir", str(folder)))

    stopped = command()
    with running_stack(folder) as stack:
        yield Scenario(folder, stack.url, stopped, command())


@pytest.fixture
async def client(scenario: Scenario) -> AsyncIterator[Client]:
    transport = GrpcTransport(scenario.url)
    yield Client(channel_over(transport))
    await transport.close()


class TestHousehold:
    def test_comes_in_with_embedded_database_stopped(self, scenario: Scenario) -> None:
        assert scenario.stopped.code == 0
        assert scenario.stopped.output.endswith(BROUGHT)

    def test_second_time_with_running_server_brings_nothing(self, scenario: Scenario) -> None:
        assert scenario.running.code == 0
        assert "Brought in: 0 users, 0 events, " in scenario.running.output
        assert "Already in the database and left as they are: 3 users, " in scenario.running.output

    @pytest.mark.parametrize("person", people(), ids=lambda person: person.user.lookup)
    async def test_logs_in_and_is_followed(self, client: Client, person: Person) -> None:
        for name in (person.user.id, person.user.lookup):
            request = auth_pb2.LoginRequest(username=name, password=person.user.password)
            assert (await client.accounts.Login(request)).access_token
        follower = follow(person.user.id, person.follow_secret)
        feed = await client.feed(follower)
        [old] = feed.events
        assert not feed.invalid_follow_secrets
        assert len(old.encrypted_event_payload) > 0
        assert old.timestamp.ToJsonString().startswith("2026-09-19T08:00:00.65432")
        await client.events.PutEvent(event_of(person.user, b"after the move"))
        newer = await client.feed(follow(person.user.id, person.follow_secret, old.timestamp))
        assert [one.encrypted_event_payload for one in newer.events] == [b"after the move"]
        [message] = await client.take_messages(person.user)
        assert all(message.encrypted_message)
        assert await client.take_messages(person.user) == []

    async def test_shared_items_are_readable(self, client: Client) -> None:
        item = await client.shared_item("shared0")
        assert len(item.encrypted_payload.iv.value) == 16


class TestMigrate:
    async def test_event_of_the_future_is_followed_by_later_ones(
        self, scenario: Scenario, client: Client, tmp_path: Path
    ) -> None:
        dave = User(id=str(uuid4()), password=str(uuid4()))
        id_, salt = UUID(dave.id), b"salt" * 16
        rows = {
            "users": [user(id_, hashed_password=hashed(dave.password, salt), salt=salt)],
            # As of a server whose clock was wrong.
            "user_events": [event(id_, timestamp=FUTURE)],
            "user_follow_secrets": [follow_secret(id_)],
        }
        path = write(tmp_path / "server.db", rows)
        ended = await from_sqlite(path, "--data-dir", str(scenario.folder))
        assert "Brought in: 1 user, 1 event, 1 follow secret, " in ended.output
        [old] = (await client.feed(follow(dave.id, "a secret"))).events
        assert old.timestamp.ToJsonString() == "2100-01-01T00:00:00Z"
        await client.events.PutEvent(event_of(dave, b"newer"))
        [newer] = (await client.feed(follow(dave.id, "a secret", old.timestamp))).events
        assert newer.encrypted_event_payload == b"newer"


class TestRefusals:
    async def test_wrong_file_changes_nothing(self, empty_database: str, tmp_path: Path) -> None:
        rows = one_of_each()
        rows["shared_items"][0]["expiry"] = -1
        path = write(tmp_path / "server.db", rows)
        ended = await from_sqlite(path, DATABASE_URL=empty_database)
        assert (ended.code, ended.output) == (1, "")
        assert "expiry is not a time between the years 1 and 9999" in ended.errors
        assert ended.errors.count("\n") == 1
        connection = await asyncpg.connect(empty_database)
        assert await catalog.schema(connection) == set()
        await connection.close()


class TestInterrupt:
    async def test_leaves_nothing(self, empty_database: str, tmp_path: Path) -> None:
        rows = {"users": [user()], "user_events": [event() for _ in range(30_000)]}
        path = write(tmp_path / "server.db", rows)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "migrate", "--from-sqlite", str(path)),
            env={"DATABASE_URL": empty_database, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        async for line in process.stdout:
            if b"read 20,000 rows" in line:
                process.send_signal(signal.SIGINT)
                break
        _, errors = await process.communicate()
        assert process.returncode not in (0, None)
        assert b"Traceback" not in errors
        connection = await asyncpg.connect(empty_database)
        assert await connection.fetchval("SELECT count(*) FROM users") == 0
        assert await connection.fetchval("SELECT count(*) FROM user_events") == 0
        await connection.close()

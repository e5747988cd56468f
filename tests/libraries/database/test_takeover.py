"""The takeover of a LiftLog server's database, which changes nothing for its users."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest
from gymlocker.v2 import event_pb2, inbox_pb2, share_pb2, user_pb2

from server.programs.demo.transport import GrpcTransport, channel_over
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.libraries.database import catalog, liftlog
from tests.libraries.database.conftest import make_database
from tests.libraries.database.liftlog import EVERY_BYTE, IV, Person
from tests.support.client import Client, event_of
from tests.support.command import Result, alembic, gymlocker
from tests.support.stack import running_stack

pytestmark = pytest.mark.extended

SOON = "2099-01-01 00:00:00+00"
YEARS_AGO = "2024-05-06 07:08:09.123456+00"


@dataclass
class Scenario:
    """A database that was taken over: its content, and the output of the migrations."""

    url: str
    ann: Person = field(default_factory=lambda: Person("annannannann"))
    # Npgsql writes DateTimeOffset.MinValue and MaxValue as -infinity and infinity.
    bob: Person = field(default_factory=lambda: Person("bobbobbobbob", created="-infinity"))
    events: dict[UUID, bytes] = field(default_factory=dict)
    messages: list[list[bytes]] = field(default_factory=list)
    before: dict[str, catalog.Rows] = field(default_factory=dict)
    after: dict[str, catalog.Rows] = field(default_factory=dict)
    migrations: list[Result] = field(default_factory=list)

    async def fill(self, connection: asyncpg.Connection) -> None:
        await connection.execute(liftlog.HISTORY + liftlog.FEED + liftlog.RATE_LIMITS)
        for person in (self.ann, self.bob):
            await liftlog.add_person(connection, person)
        for payload, expiry in (
            (EVERY_BYTE * 60, SOON),
            (b"\0", SOON),
            (b"kept forever", "infinity"),
        ):
            event_id = uuid4()
            self.events[event_id] = payload
            await connection.execute(
                liftlog.EVENT, self.ann.id, event_id, YEARS_AGO, payload, IV, expiry
            )
        await connection.execute(
            liftlog.EVENT, self.ann.id, uuid4(), YEARS_AGO, b"expired", IV, YEARS_AGO
        )
        await connection.execute(
            liftlog.EVENT, self.bob.id, uuid4(), "infinity", b"timeless", IV, "infinity"
        )
        self.messages = [[EVERY_BYTE * 4, b"", b"\0"], [b"one chunk"]]
        for message in self.messages:
            await connection.execute(liftlog.INBOX_ITEM, uuid4(), self.ann.id, message)
        for item_id, expiry in (("kept", SOON), ("forever", "infinity"), ("expired", YEARS_AGO)):
            await connection.execute(
                liftlog.SHARED_ITEM, item_id, self.ann.id, expiry, item_id.encode(), IV
            )

    async def run(self) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await self.fill(connection)
            columns = await catalog.columns(connection)
            self.before = await catalog.rows(connection, columns)
            for _ in range(2):
                self.migrations.append(await gymlocker("migrate", DATABASE_URL=self.url))
            self.after = await catalog.rows(connection, columns)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def scenario(postgres: TemporaryPostgres) -> Scenario:
    scenario = Scenario(asyncio.run(make_database(postgres, "taken_over")))
    asyncio.run(scenario.run())
    return scenario


@pytest.fixture(scope="module")
def url_of_stack(scenario: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_stack(tmp_path_factory.mktemp("taken_over"), DATABASE_URL=scenario.url) as stack:
        yield stack.url


@pytest.fixture
async def client(url_of_stack: str) -> AsyncIterator[Client]:
    transport = GrpcTransport(url_of_stack)
    yield Client(channel_over(transport))
    await transport.close()


@pytest.fixture
async def old_server(scenario: Scenario) -> AsyncIterator[asyncpg.Connection]:
    """A connection of a LiftLog server that is still running."""
    connection = await asyncpg.connect(scenario.url)
    yield connection
    await connection.close()


def login(person: Person) -> user_pb2.CreateUserResponse:
    return user_pb2.CreateUserResponse(
        id=str(person.id), lookup=person.lookup, password=person.password
    )


async def events_of(client: Client, person: Person) -> list[event_pb2.UserEvent]:
    response = await client.events.GetEvents(
        event_pb2.GetEventsRequest(
            users=[event_pb2.FollowedUser(user_id=str(person.id), follow_secret=person.secret)]
        )
    )
    assert not response.invalid_follow_secrets
    return list(response.events)


async def inbox_of(client: Client, person: Person) -> list[list[bytes]]:
    response = await client.inbox.GetInboxMessages(
        inbox_pb2.GetInboxMessagesRequest(user_id=str(person.id), password=person.password)
    )
    return [list(message.encrypted_message) for message in response.inbox_messages]


class TestEvents:
    async def test_payloads_are_unchanged(self, client: Client, scenario: Scenario) -> None:
        events = {UUID(event.event_id): event for event in await events_of(client, scenario.ann)}
        assert {
            key: events[key].encrypted_event_payload for key in scenario.events
        } == scenario.events
        for key in scenario.events:
            assert events[key].encrypted_event_iv == IV
            assert events[key].timestamp.ToJsonString() == "2024-05-06T07:08:09.123456Z"
        assert b"expired" not in {event.encrypted_event_payload for event in events.values()}

    async def test_infinite_time_is_latest_timestamp(
        self, client: Client, scenario: Scenario
    ) -> None:
        events = {
            event.encrypted_event_payload: event for event in await events_of(client, scenario.bob)
        }
        event = events[b"timeless"]
        assert event.expiry.ToJsonString() == "9999-12-31T23:59:59.999999Z"
        assert event.timestamp.ToJsonString() == "9999-12-31T23:59:59.999999Z"

    async def test_user_with_infinite_time_can_publish(
        self, client: Client, scenario: Scenario
    ) -> None:
        await client.events.PutEvent(event_of(login(scenario.bob), b"after the infinite one"))
        payloads = {
            event.encrypted_event_payload for event in await events_of(client, scenario.bob)
        }
        assert b"after the infinite one" in payloads


class TestUsers:
    async def test_profiles_are_unchanged(self, client: Client, scenario: Scenario) -> None:
        for person in (scenario.ann, scenario.bob):
            for name in (str(person.id), person.lookup):
                response = await client.users.GetUser(user_pb2.GetUserRequest(id_or_lookup=name))
                assert response == user_pb2.GetUserResponse(
                    id=str(person.id),
                    lookup=person.lookup,
                    encrypted_current_plan=EVERY_BYTE,
                    encrypted_name=person.name,
                    encryption_iv=IV,
                    rsa_public_key=person.public_key,
                )

    async def test_password_is_accepted_and_new_event_comes_last(
        self, client: Client, scenario: Scenario
    ) -> None:
        await client.events.PutEvent(event_of(login(scenario.ann), b"after the takeover"))
        events = await events_of(client, scenario.ann)
        assert events[-1].encrypted_event_payload == b"after the takeover"


class TestInbox:
    async def test_items_are_delivered_once_and_first(
        self, client: Client, scenario: Scenario, old_server: asyncpg.Connection
    ) -> None:
        await old_server.execute(liftlog.INBOX_ITEM, uuid4(), scenario.ann.id, [b"from LiftLog"])
        await client.inbox.PutInboxMessage(
            inbox_pb2.PutInboxMessageRequest(
                to_user_id=str(scenario.ann.id), encrypted_message=[b"from Gymlocker"]
            )
        )
        delivered = await inbox_of(client, scenario.ann)
        assert sorted(delivered[:2]) == sorted(scenario.messages)
        assert delivered[2:] == [[b"from LiftLog"], [b"from Gymlocker"]]
        assert await inbox_of(client, scenario.ann) == []


class TestSharedItems:
    @pytest.mark.parametrize("item_id", ["kept", "forever"])
    async def test_items_are_readable(
        self, client: Client, scenario: Scenario, item_id: str
    ) -> None:
        response = await client.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=item_id))
        assert response.encrypted_payload.encrypted_payload == item_id.encode()
        assert response.encrypted_payload.iv.value == IV
        assert response.rsa_public_key.spki_public_key_bytes == scenario.ann.public_key


class TestLiftLogServer:
    async def test_can_still_write(self, client: Client, old_server: asyncpg.Connection) -> None:
        eve, event_id = Person(f"eve{uuid4().hex[:9]}"), uuid4()
        await liftlog.add_person(old_server, eve)
        await old_server.execute(liftlog.EVENT, eve.id, event_id, "now", b"LiftLog's", IV, SOON)
        await old_server.execute(liftlog.SHARED_ITEM, eve.lookup, eve.id, SOON, b"LiftLog's", IV)
        assert [event.event_id for event in await events_of(client, eve)] == [str(event_id)]
        item = await client.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=eve.lookup))
        assert item.encrypted_payload.encrypted_payload == b"LiftLog's"


class TestMigration:
    def test_reports_adoption_and_then_no_change(
        self,
        scenario: Scenario,
    ) -> None:
        first, second = scenario.migrations
        assert (first.code, first.errors) == (0, "")
        assert "Adopting a LiftLog server's tables" in first.output
        assert second == Result(0, "The database was up to date.\n", "")

    def test_rewrites_no_row(self, scenario: Scenario) -> None:
        assert all(scenario.before.values())
        assert scenario.after == scenario.before

    async def test_leaves_no_difference_for_alembic(self, scenario: Scenario) -> None:
        ended = await alembic("check", DATABASE_URL=scenario.url)
        assert (ended.code, ended.output) == (0, "No new upgrade operations detected.\n")

    async def test_keeps_history_of_liftlogs_migrations(
        self, scenario: Scenario, old_server: asyncpg.Connection
    ) -> None:
        columns = {"__EFMigrationsHistory": ["migration_id", "product_version"]}
        history = await catalog.rows(old_server, columns)
        assert history == {"__EFMigrationsHistory": scenario.before["__EFMigrationsHistory"]}

    async def test_adopts_separate_database_of_rate_limits(
        self, liftlog_database: str, second_empty_database: str
    ) -> None:
        limits = await asyncpg.connect(second_empty_database)
        try:
            await limits.execute(liftlog.HISTORY + liftlog.RATE_LIMITS)
            columns = await catalog.columns(limits)
            schema, before = await catalog.schema(limits), await catalog.rows(limits, columns)
            for _ in range(2):
                ended = await gymlocker(
                    "migrate",
                    DATABASE_URL=liftlog_database,
                    RATE_LIMIT_DATABASE_URL=second_empty_database,
                )
                assert (ended.code, ended.errors) == (0, "")
            assert await catalog.rows(limits, columns) == before
            added = await catalog.schema(limits) - schema
            assert {line for line in added if "password_failures" not in line} == {
                line for line in added if "alembic_version" in line
            }
            assert schema <= await catalog.schema(limits)
        finally:
            await limits.close()

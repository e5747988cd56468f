"""ExportAccount: everything of one person, and nothing of others."""

import base64
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from gymlocker.v2 import auth_pb2, workout_pb2

from server.errors import NotFound
from server.libraries.database.pool import Database
from server.services.auth.export import PAGE_ROWS, AccountExport
from server.services.workout.repository import WorkoutRepository
from tests.services.auth.accounts import claim, new_name
from tests.services.auth.test_access_keys import create
from tests.services.push.device import Device
from tests.services.system.rows import EVENTS, add_user
from tests.support.client import Client, User, bearer, event_of, item_of, update_of


async def exported(rest: httpx2.AsyncClient, tokens: auth_pb2.Tokens) -> dict[str, Any]:
    response = await rest.get("/auth/export", headers=dict(bearer(tokens)))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    disposition = 'attachment; filename="gymlocker-account.json"'
    assert response.headers["content-disposition"] == disposition
    document: dict[str, Any] = response.json()
    return document


async def person(client: Client, canary: str) -> tuple[User, auth_pb2.Tokens]:
    """Return a user with data in every section that contains the canary."""
    user = await client.new_user()
    tokens = await client.login(user)
    profile = update_of(user)
    profile.encrypted_name = canary.encode()
    profile.rsa_public_key = b"public"
    await client.users.UpdateUser(profile)
    await client.events.PutEvent(event_of(user, canary.encode()))
    await client.shares.CreateSharedItem(item_of(user, canary.encode()))
    await client.send(user.id, canary.encode(), b"second chunk")
    await client.accept(user, canary)
    await create(client, tokens, "feed", name=canary)
    device = Device(f"https://127.0.0.1:9/{canary[-8:]}")
    await client.push.RegisterEndpoint(device.request(), metadata=bearer(tokens))
    await client.workouts.CreateWorkout(
        workout_pb2.CreateWorkoutRequest(date="2026-02-07", type="Run", duration=1, notes=canary),
        metadata=bearer(tokens),
    )
    return user, tokens


class TestExportAccount:
    async def test_has_everything_of_the_caller_and_nothing_of_others(
        self, one_client: Client, rest: httpx2.AsyncClient, database: asyncpg.Connection
    ) -> None:
        canary, other = f"canary {uuid4().hex[:8]}", f"other {uuid4().hex[:8]}"
        user, tokens = await person(one_client, canary)
        await person(one_client, other)
        username = new_name()
        await claim(one_client, tokens, username)
        document = await exported(rest, tokens)
        encoded = base64.b64encode(canary.encode()).decode()
        assert document["account"]["username"] == username
        assert document["account"]["id"] == user.id
        assert document["profile"]["encryptedName"] == encoded
        assert document["profile"]["rsaPublicKey"] == base64.b64encode(b"public").decode()
        assert "encryptedCurrentPlan" not in document["profile"]
        assert [each["encryptedEventPayload"] for each in document["events"]] == [encoded]
        assert [each["encryptedPayload"] for each in document["sharedItems"]] == [encoded]
        assert document["inboxMessages"][0]["encryptedMessage"][0] == encoded
        assert document["followSecrets"] == [{"followSecret": canary}]
        assert [key["name"] for key in document["accessKeys"]] == [canary]
        assert [workout["notes"] for workout in document["workouts"]] == [canary]
        assert len(document["sessions"]) == 1
        [endpoint] = document["pushEndpoints"]
        assert endpoint["endpoint"].endswith(canary[-8:])
        assert endpoint.keys() == {"id", "endpoint", "p256dh", "auth", "createTime"}
        assert document["backups"] == document["forwardedNames"] == []
        text = json.dumps(document)
        assert other not in text
        row = await database.fetchrow(
            "SELECT hashed_password, salt FROM users WHERE id = $1", UUID(user.id)
        )
        assert row is not None
        hashes = await database.fetch(
            "SELECT hash FROM access_keys WHERE user_id = $1 UNION ALL"
            " SELECT hash FROM refresh_tokens WHERE user_id = $1 UNION ALL"
            " SELECT family FROM sessions WHERE user_id = $1",
            UUID(user.id),
        )
        secrets = [row["salt"], *(each[0] for each in hashes)]
        for secret in secrets:
            assert base64.b64encode(secret).decode() not in text
            assert secret.hex() not in text
        assert row["hashed_password"] not in text

    async def test_has_infinite_times_of_a_liftlog_server(
        self, one_client: Client, rest: httpx2.AsyncClient, database: asyncpg.Connection
    ) -> None:
        user, tokens = await person(one_client, "canary")
        for change in (
            "UPDATE users SET created = '-infinity', last_accessed = 'infinity' WHERE id = $1",
            "UPDATE user_events SET timestamp = '-infinity' WHERE user_id = $1",
            "UPDATE user_events SET expiry = 'infinity' WHERE user_id = $1",
            "UPDATE shared_items SET timestamp = 'infinity' WHERE user_id = $1",
        ):
            await database.execute(change, UUID(user.id))
        document = await exported(rest, tokens)
        first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
        assert document["account"]["created"] == first
        [event], [item] = document["events"], document["sharedItems"]
        assert (event["timestamp"], event["expiry"]) == (first, last)
        assert item["timestamp"] == last

    async def test_of_a_new_user_is_valid(
        self, one_client: Client, rest: httpx2.AsyncClient
    ) -> None:
        tokens = await one_client.login(await one_client.new_user())
        document = await exported(rest, tokens)
        assert document["events"] == document["workouts"] == []


class TestAccountExport:
    @pytest.mark.parametrize("number", [PAGE_ROWS - 1, PAGE_ROWS, 2 * PAGE_ROWS + 1])
    async def test_reads_all_pages(
        self, pool: Database, connection: asyncpg.Connection, number: int
    ) -> None:
        user_id = await add_user(connection)
        await connection.execute(EVENTS, user_id, "infinity", "payload", number)
        chunks = [
            chunk async for chunk in AccountExport(pool, WorkoutRepository(pool)).chunks(user_id)
        ]
        events = json.loads(b"".join(chunks))["events"]
        assert len({event["eventId"] for event in events}) == number
        assert {event["expiry"] for event in events} == {"9999-12-31T23:59:59.999999Z"}

    async def test_of_an_unknown_user_is_not_found(self, pool: Database) -> None:
        with pytest.raises(NotFound):
            await anext(AccountExport(pool, WorkoutRepository(pool)).chunks(uuid4()))

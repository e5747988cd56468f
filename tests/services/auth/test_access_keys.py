"""CreateAccessKey, ListAccessKeys and DeleteAccessKey, and ChangePassword with `revokeKeys`."""

import asyncio
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import auth_pb2, user_pb2, workout_pb2

from tests.services.auth.accounts import refusal
from tests.support.client import (
    SOME_UUID,
    Client,
    User,
    bearer,
    event_of,
    refused,
    update_of,
    with_password,
)

MAX_KEYS = 50


async def create(
    client: Client, tokens: auth_pb2.Tokens, *scopes: str, **fields: Any
) -> auth_pb2.CreateAccessKeyResponse:
    request = auth_pb2.CreateAccessKeyRequest(
        **{"name": "test", "scopes": scopes or ["feed"], **fields}
    )
    return await client.accounts.CreateAccessKey(request, metadata=bearer(tokens))


async def keys_of(client: Client, tokens: auth_pb2.Tokens) -> list[auth_pb2.AccessKey]:
    response = await client.accounts.ListAccessKeys(
        auth_pb2.ListAccessKeysRequest(), metadata=bearer(tokens)
    )
    return list(response.access_keys)


async def delete(client: Client, tokens: auth_pb2.Tokens, key_id: str) -> None:
    await client.accounts.DeleteAccessKey(
        auth_pb2.DeleteAccessKeyRequest(id=key_id), metadata=bearer(tokens)
    )


def headers(key: str) -> list[tuple[str, str]]:
    return [("x-api-key", key)]


async def made_long_ago(database: asyncpg.Connection, user: User, minutes: int) -> None:
    """Move the logins of a user into the past."""
    await database.execute(
        "UPDATE sessions SET created = now() - make_interval(mins => $2) WHERE user_id = $1",
        UUID(user.id),
        minutes,
    )


class TestCreateAccessKey:
    async def test_returns_a_key_that_works_and_is_stored_as_a_hash(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        created = await create(client, tokens, "feed", "planner", name="Home Assistant")
        assert re.fullmatch("glk_[A-Za-z0-9_-]{43}", created.key)
        await client.events.PutEvent(
            event_of(with_password(user, "")), metadata=headers(created.key)
        )
        [listed] = await keys_of(client, tokens)
        assert (listed.id, listed.name) == (created.id, "Home Assistant")
        assert list(listed.scopes) == list(created.scopes) == ["feed", "planner"]
        assert listed.create_time == created.create_time
        assert not listed.HasField("expire_time")
        row = await database.fetchrow("SELECT * FROM access_keys WHERE id = $1", UUID(created.id))
        assert row is not None
        assert row["hash"] == hashlib.sha256(created.key.encode()).digest()
        assert created.key not in repr(row)

    async def test_expires(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        expiry = Timestamp()
        expiry.FromDatetime(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1))
        created = await create(client, tokens, expire_time=expiry)
        assert created.expire_time == (await keys_of(client, tokens))[0].expire_time == expiry

    @pytest.mark.parametrize("seconds", [-1, -100_000, -62_135_596_800])
    async def test_rejects_expiry_in_the_past(self, client: Client, seconds: int) -> None:
        past = Timestamp(
            seconds=seconds + (int(datetime.now(UTC).timestamp()) if seconds > -1e9 else 0)
        )
        tokens = await client.login(await client.new_user())
        with refused(StatusCode.INVALID_ARGUMENT, "expire_time"):
            await create(client, tokens, expire_time=past)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "  "}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["feed", "feed"]}, "scopes"),
            ({"scopes": ["admin"]}, "scopes[0]"),
            ({"scopes": ["feed", "Feed"]}, "scopes[1]"),
        ],
    )
    async def test_rejects_invalid_fields(
        self, client: Client, fields: dict[str, Any], field: str
    ) -> None:
        tokens = await client.login(await client.new_user())
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await create(client, tokens, **fields)

    async def test_needs_a_password_ten_minutes_after_the_login(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        await made_long_ago(database, user, minutes=9)
        await create(client, tokens)
        await made_long_ago(database, user, minutes=11)
        expected = "UNAUTHENTICATED RECENT_LOGIN_REQUIRED"
        assert await refusal(create(client, tokens)) == expected
        refreshed = await client.accounts.RefreshToken(
            auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
        )
        assert await refusal(create(client, refreshed)) == expected
        await create(client, refreshed, password=user.password)
        assert len(await keys_of(client, refreshed)) == 2

    async def test_rejects_wrong_password_even_after_a_recent_login(
        self, one_client: Client
    ) -> None:
        tokens = await one_client.login(await one_client.new_user())
        expected = "UNAUTHENTICATED WRONG_PASSWORD"
        assert await refusal(create(one_client, tokens, password="wrong password")) == expected

    async def test_rejects_the_fifty_first(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        for _ in range(0, MAX_KEYS + 10, 10):
            # More at once than there is room for.
            await asyncio.gather(
                *[create(client, tokens) for _ in range(10)], return_exceptions=True
            )
        assert len(await keys_of(client, tokens)) == MAX_KEYS
        assert await refusal(create(client, tokens)) == "RESOURCE_EXHAUSTED QUOTA_EXCEEDED"
        # One that has expired does not count, and goes.
        await database.execute(
            "UPDATE access_keys SET expiry = now() WHERE id = (SELECT id FROM access_keys"
            " WHERE user_id = $1 LIMIT 1)",
            UUID(user.id),
        )
        await create(client, tokens)
        assert len(await keys_of(client, tokens)) == MAX_KEYS

    async def test_response_has_the_contracts_json(self, rest: httpx2.AsyncClient) -> None:
        user = (await rest.post("/user/create", json={})).json()
        login = {"username": user["id"], "password": user["password"]}
        tokens = (await rest.post("/auth/login", json=login)).json()
        authorization = {"authorization": f"Bearer {tokens['access_token']}"}
        body = {"name": "Home", "scopes": ["backup"], "expireTime": "2036-01-01T00:00:00Z"}
        created = (await rest.post("/auth/keys", json=body, headers=authorization)).json()
        assert created.keys() == {"id", "name", "scopes", "createTime", "expireTime", "key"}
        assert {**created, **body} == created
        listed = (await rest.get("/auth/keys", headers=authorization)).json()
        del created["key"]
        assert listed == {"accessKeys": [created]}
        gone = await rest.delete(f"/auth/keys/{created['id']}", headers=authorization)
        assert (gone.status_code, gone.json()) == (200, {})
        assert (await rest.get("/auth/keys", headers=authorization)).json() == {"accessKeys": []}


class TestListAccessKeys:
    async def test_returns_own_keys_newest_first(self, client: Client) -> None:
        mine, others = [await client.login(await client.new_user()) for _ in range(2)]
        await create(client, others)
        created = [await create(client, mine) for _ in range(3)]
        listed = [key.id for key in await keys_of(client, mine)]
        assert listed == [key.id for key in reversed(created)]


class TestDeleteAccessKey:
    async def test_ends_the_key_at_once_on_every_worker(self, workers: list[Client]) -> None:
        first, second = workers
        user = await first.created_user()
        tokens = await first.login(user)
        created = await create(first, tokens)
        put = event_of(with_password(user, ""))
        await second.events.PutEvent(put, metadata=headers(created.key))
        await delete(first, tokens, created.id)
        with pytest.raises(Exception, match="API key is not valid"):
            await second.events.PutEvent(put, metadata=headers(created.key))

    async def test_does_not_find_keys_of_others(self, client: Client) -> None:
        mine, others = [await client.login(await client.new_user()) for _ in range(2)]
        key_id = (await create(client, others)).id
        for missing in (key_id, SOME_UUID):
            expected = "NOT_FOUND ACCESS_KEY_NOT_FOUND"
            assert await refusal(delete(client, mine, missing)) == expected
        assert len(await keys_of(client, others)) == 1


class TestChangePassword:
    @pytest.mark.parametrize("revoke", [False, True])
    async def test_ends_keys_only_if_asked_to(self, one_client: Client, revoke: bool) -> None:
        user = await one_client.created_user()
        tokens = await one_client.login(user)
        key = (await create(one_client, tokens)).key
        await one_client.accounts.ChangePassword(
            auth_pb2.ChangePasswordRequest(
                current_password=user.password,
                new_password="another horse",
                revoke_keys=revoke,
            ),
            metadata=bearer(tokens),
        )
        put = one_client.events.PutEvent(event_of(with_password(user, "")), metadata=headers(key))
        if revoke:
            assert await refusal(put) == "UNAUTHENTICATED INVALID_API_KEY"
        else:
            await put


class TestFeedByKey:
    async def test_key_updates_a_profile_but_not_its_public_key(self, client: Client) -> None:
        user = await client.new_user()
        key = headers((await create(client, await client.login(user), "feed")).key)
        keyless = with_password(user, "")
        for stored in (b"", b"the key that friends know"):
            request = update_of(user)
            request.rsa_public_key = stored
            request.encrypted_name = b"old"
            await client.users.UpdateUser(request)
            before = await client.profile(user.id)
            for other in {b"", b"the key of a thief", b"the key that friends know"} - {stored}:
                theft = user_pb2.UpdateUserRequest(
                    id=user.id, rsa_public_key=other, encrypted_name=b"new"
                )
                call = client.users.UpdateUser(theft, metadata=key)
                assert await refusal(call) == "PERMISSION_DENIED SCOPE_MISSING"
                assert await client.profile(user.id) == before
            same = update_of(keyless)
            same.rsa_public_key = stored
            same.encrypted_name = b"new"
            await client.users.UpdateUser(same, metadata=key)
            assert (await client.profile(user.id)).encrypted_name == b"new"


class TestWorkoutsByKey:
    async def test_key_reads_its_owners_workouts_only(self, client: Client) -> None:
        mine, others = [await client.login(await client.new_user()) for _ in range(2)]
        for tokens, kind in ((mine, "Mine"), (others, "Theirs")):
            await client.workouts.CreateWorkout(
                workout_pb2.CreateWorkoutRequest(date="2026-02-07", type=kind, duration=1),
                metadata=bearer(tokens),
            )
        key = (await create(client, mine, "workouts.read")).key
        response = await client.workouts.ListWorkouts(
            workout_pb2.ListWorkoutsRequest(), metadata=[("authorization", f"Bearer {key}")]
        )
        assert [workout.type for workout in response.workouts] == ["Mine"]

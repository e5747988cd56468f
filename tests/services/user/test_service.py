"""UserService, over every transport. Passwords are tested in tests/services/credentials."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import user_pb2

from tests.support.client import (
    EVERY_BYTE,
    IV,
    KIB,
    SOME_UUID,
    Client,
    event_of,
    follow,
    item_of,
    many_users,
    nobody,
    refused,
    update_of,
)

LIMITS = {
    "encrypted_current_plan": 15 * KIB,
    "encrypted_profile_picture": 2000 * KIB,
    "encrypted_name": 2 * KIB,
    "encryption_iv": 16,
    "rsa_public_key": 4 * KIB,
}


def bytes_of(size: int) -> bytes:
    """Return `size` bytes in which every byte value occurs, if there is room."""
    return (EVERY_BYTE * (size // 256 + 1))[:size]


async def _tables_with_rows_of(
    user: user_pb2.CreateUserResponse, database: asyncpg.Connection
) -> set[str]:
    tables = await database.fetch(
        """
        SELECT table_name AS name, column_name AS owner FROM information_schema.columns
        WHERE table_schema = 'public' AND (column_name = 'user_id'
              OR (table_name = 'users' AND column_name = 'id'))
        """
    )
    return {
        table["name"]
        for table in tables
        if await database.fetchval(
            f'SELECT count(*) FROM "{table["name"]}" WHERE "{table["owner"]}" = $1', UUID(user.id)
        )
    }


class TestCreateUser:
    async def test_returns_id_lookup_and_password(self, client: Client) -> None:
        user = await client.new_user()
        assert user.id == str(UUID(user.id))
        assert len(user.lookup) == 12
        assert user.password == str(UUID(user.password))

    async def test_stores_password_in_liftlogs_format(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        row = await database.fetchrow(
            "SELECT hashed_password, salt, created, last_accessed FROM users WHERE id = $1",
            UUID(user.id),
        )
        assert row is not None
        assert len(row["hashed_password"]) == 128
        assert row["hashed_password"] == bytes.fromhex(row["hashed_password"]).hex().upper()
        assert len(row["salt"]) == 64
        # Rounded to the day.
        assert timedelta(0) <= row["created"] - row["last_accessed"] < timedelta(days=1)


class TestGetUser:
    async def test_finds_user_by_id_in_any_case_and_by_lookup(self, client: Client) -> None:
        user = await client.new_user()
        by_id = await client.profile(user.id)
        assert by_id == user_pb2.GetUserResponse(id=user.id, lookup=user.lookup)
        assert await client.profile(user.id.upper()) == by_id
        assert await client.profile(user.lookup) == by_id

    @pytest.mark.parametrize("unknown", [SOME_UUID, "nobodyknowsme", "' OR 1=1", "ünïcode 🏋"])
    async def test_returns_not_found_for_unknown_user(self, client: Client, unknown: str) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.profile(unknown)

    async def test_rejects_lookup_of_over_100_characters(self, client: Client) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.profile("é" * 100)
        with refused(StatusCode.INVALID_ARGUMENT, "id_or_lookup"):
            await client.profile("é" * 101)


class TestUpdateUser:
    async def test_stores_profile_at_its_limits_byte_for_byte(self, client: Client) -> None:
        user = await client.new_user()
        request = update_of(user)
        for field, limit in LIMITS.items():
            setattr(request, field, bytes_of(limit))
        await client.users.UpdateUser(request)
        profile = await client.profile(user.id)
        for field, limit in LIMITS.items():
            assert getattr(profile, field) == bytes_of(limit), field

    @pytest.mark.parametrize(("field", "limit"), LIMITS.items())
    async def test_rejects_oversized_field(self, client: Client, field: str, limit: int) -> None:
        request = update_of(nobody())
        setattr(request, field, bytes_of(limit + 1))
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.users.UpdateUser(request)

    async def test_names_every_invalid_field(self, client: Client) -> None:
        request = user_pb2.UpdateUserRequest(
            id="me", encrypted_name=bytes(2 * KIB + 1), encryption_iv=bytes(17)
        )
        with refused(
            StatusCode.INVALID_ARGUMENT, "id", "password", "encrypted_name", "encryption_iv"
        ):
            await client.users.UpdateUser(request)

    async def test_clears_fields_that_are_absent(self, client: Client) -> None:
        user = await client.new_user()
        full = update_of(user)
        for field in LIMITS:
            setattr(full, field, IV)
        await client.users.UpdateUser(full)
        half = update_of(user)
        half.encrypted_name = b"name"
        await client.users.UpdateUser(half)
        assert await client.profile(user.id) == user_pb2.GetUserResponse(
            id=user.id, lookup=user.lookup, encrypted_name=b"name"
        )

    async def test_keeps_empty_fields_apart_from_absent_ones(self, client: Client) -> None:
        user = await client.new_user()
        request = update_of(user)
        request.encrypted_name = b""
        await client.users.UpdateUser(request)
        profile = await client.profile(user.id)
        assert profile.HasField("encrypted_name")
        assert not profile.HasField("encrypted_current_plan")

    async def test_changes_no_other_user(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        (other,) = await many_users(database, 1)
        before = await client.profile(str(other))
        request = update_of(user)
        request.encrypted_name = b"mine"
        await client.users.UpdateUser(request)
        assert await client.profile(str(other)) == before

    async def test_accepts_upper_case_id(self, client: Client) -> None:
        user = await client.new_user()
        request = update_of(user)
        request.id = user.id.upper()
        request.encrypted_name = b"name"
        await client.users.UpdateUser(request)
        assert (await client.profile(user.id)).encrypted_name == b"name"


class TestDeleteUser:
    async def test_deletes_all_data_of_the_user(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await client.events.PutEvent(event_of(user))
        secret = await client.new_secret(user)
        await client.send(user.id, b"message")
        item = await client.shares.CreateSharedItem(item_of(user))
        theirs = {"shared_items", "user_events", "user_follow_secrets", "user_inbox_items"}
        assert theirs <= await _tables_with_rows_of(user, database)

        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )

        # The objects of backups are removed from their store first, by the sweep.
        assert await _tables_with_rows_of(user, database) <= {"backup_objects"}
        for name in (user.id, user.lookup):
            with refused(StatusCode.NOT_FOUND):
                await client.profile(name)
        with refused(StatusCode.NOT_FOUND):
            await client.shared_item(item.id)
        assert (await client.feed(follow(user.id, secret))).invalid_follow_secrets == [secret]

    async def test_keeps_other_users(self, client: Client) -> None:
        leaving, staying = await client.new_user(), await client.new_user()
        await client.events.PutEvent(event_of(staying))
        secret = await client.new_secret(staying)
        await client.users.DeleteUser(
            user_pb2.DeleteUserRequest(id=leaving.id, password=leaving.password)
        )
        assert len((await client.feed(follow(staying.id, secret))).events) == 1
        assert (await client.profile(staying.id)).lookup == staying.lookup


class TestGetUsers:
    async def test_returns_users_by_id_and_omits_unknown_ones(self, client: Client) -> None:
        user = await client.new_user()
        request = update_of(user)
        request.encrypted_name = EVERY_BYTE
        await client.users.UpdateUser(request)
        response = await client.users.GetUsers(
            user_pb2.GetUsersRequest(ids=[str(uuid4()), user.id.upper(), user.id])
        )
        assert dict(response.users) == {user.id: await client.profile(user.id)}

    async def test_returns_200_users_and_rejects_201(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        ids = [str(user_id) for user_id in await many_users(database, 200)]
        response = await client.users.GetUsers(user_pb2.GetUsersRequest(ids=ids))
        assert set(response.users) == set(ids)
        assert all(profile.id == user_id for user_id, profile in response.users.items())
        with refused(StatusCode.INVALID_ARGUMENT, "ids"):
            await client.users.GetUsers(user_pb2.GetUsersRequest(ids=[*ids, str(uuid4())]))

    async def test_rejects_empty_request(self, client: Client) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "ids"):
            await client.users.GetUsers(user_pb2.GetUsersRequest())

    async def test_names_invalid_ids_by_index(self, client: Client) -> None:
        request = user_pb2.GetUsersRequest(ids=[str(uuid4()), "lookup", str(uuid4()), ""])
        with refused(StatusCode.INVALID_ARGUMENT, "ids[1]", "ids[3]"):
            await client.users.GetUsers(request)

    async def test_lists_only_the_first_of_200_invalid_ids(self, client: Client) -> None:
        named = [f"ids[{index}]" for index in range(20)]
        with refused(StatusCode.INVALID_ARGUMENT, *named, ""):
            await client.users.GetUsers(user_pb2.GetUsersRequest(ids=["é" * 300] * 200))

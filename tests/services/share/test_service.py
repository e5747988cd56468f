"""ShareService, over every transport."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import share_pb2

from tests.support.client import (
    EVERY_BYTE,
    IV,
    KIB,
    Client,
    User,
    item_of,
    nobody,
    refused,
    update_of,
)
from tests.support.idempotency import age_request_keys


def item_with_request_id(
    user: User, request_id: str, payload: bytes = b"payload"
) -> share_pb2.CreateSharedItemRequest:
    request = item_of(user, payload)
    request.request_id = request_id
    return request


class TestCreateSharedItem:
    async def test_stores_item_at_its_limits_byte_for_byte(self, client: Client) -> None:
        user = await client.new_user()
        update = update_of(user)
        update.rsa_public_key = EVERY_BYTE
        await client.users.UpdateUser(update)
        request = item_of(user, EVERY_BYTE * 80)
        assert len(request.encrypted_payload.encrypted_payload) == 20 * KIB
        created = await client.shares.CreateSharedItem(request)
        assert await client.shared_item(created.id) == share_pb2.GetSharedItemResponse(
            rsa_public_key=share_pb2.RsaPublicKey(spki_public_key_bytes=EVERY_BYTE),
            encrypted_payload=request.encrypted_payload,
        )

    async def test_accepts_empty_item_of_owner_without_key(self, client: Client) -> None:
        user = await client.new_user()
        created = await client.shares.CreateSharedItem(item_of(user, b""))
        item = await client.shared_item(created.id)
        assert item.encrypted_payload.encrypted_payload == b""
        assert item.encrypted_payload.iv.value == IV
        assert item.rsa_public_key.spki_public_key_bytes == b""

    async def test_returns_distinct_long_ids(self, client: Client) -> None:
        user = await client.new_user()
        ids = {(await client.shares.CreateSharedItem(item_of(user))).id for _ in range(5)}
        assert len(ids) == 5
        assert all(len(item_id) >= 22 for item_id in ids)

    @pytest.mark.parametrize(
        ("payload", "iv", "field"),
        [
            (bytes(20 * KIB + 1), IV, "encrypted_payload.encrypted_payload"),
            (b"payload", bytes(15), "encrypted_payload.iv.value"),
            (b"payload", bytes(17), "encrypted_payload.iv.value"),
        ],
        ids=["20 KiB and a byte", "an IV of 15 bytes", "an IV of 17 bytes"],
    )
    async def test_rejects_invalid_payload(
        self, client: Client, payload: bytes, iv: bytes, field: str
    ) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.shares.CreateSharedItem(item_of(nobody(), payload, iv))

    async def test_requires_payload_iv_and_expiry(self, client: Client) -> None:
        request = item_of(nobody())
        request.ClearField("encrypted_payload")
        request.ClearField("expiry")
        with refused(StatusCode.INVALID_ARGUMENT, "encrypted_payload", "expiry"):
            await client.shares.CreateSharedItem(request)
        request = item_of(nobody())
        request.encrypted_payload.ClearField("iv")
        with refused(StatusCode.INVALID_ARGUMENT, "encrypted_payload.iv"):
            await client.shares.CreateSharedItem(request)

    async def test_accepts_latest_possible_expiry(self, client: Client) -> None:
        user = await client.new_user()
        request = item_of(user)
        request.expiry.CopyFrom(Timestamp(seconds=253402300799, nanos=999_999_999))
        created = await client.shares.CreateSharedItem(request)
        assert (await client.shared_item(created.id)).encrypted_payload == request.encrypted_payload


class TestRepeatedCreateSharedItem:
    """Requests with a request id, which may be sent again."""

    async def test_returns_the_same_id(self, client: Client, database: asyncpg.Connection) -> None:
        user = await client.new_user()
        request = item_with_request_id(user, str(uuid4()))
        ids = {(await client.shares.CreateSharedItem(request)).id for _ in range(3)}
        assert len(ids) == 1
        stored = "SELECT count(*) FROM shared_items WHERE user_id = $1"
        assert await database.fetchval(stored, UUID(user.id)) == 1
        assert (await client.shared_item(ids.pop())).encrypted_payload == request.encrypted_payload

    async def test_stores_one_item_for_concurrent_requests(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        request = item_with_request_id(user, str(uuid4()))
        calls = [client.shares.CreateSharedItem(request) for _ in range(8)]
        assert len({response.id for response in await asyncio.gather(*calls)}) == 1
        stored = "SELECT count(*) FROM shared_items WHERE user_id = $1"
        assert await database.fetchval(stored, UUID(user.id)) == 1

    async def test_rejects_another_item_with_the_same_request_id(self, client: Client) -> None:
        user = await client.new_user()
        await client.shares.CreateSharedItem(item_with_request_id(user, "one", b"first"))
        with refused(StatusCode.ALREADY_EXISTS):
            await client.shares.CreateSharedItem(item_with_request_id(user, "one", b"second"))

    async def test_keeps_request_ids_of_two_users_apart(self, client: Client) -> None:
        ann, bob = await client.new_user(), await client.new_user()
        ids = {
            (await client.shares.CreateSharedItem(item_with_request_id(user, "one"))).id
            for user in (ann, bob)
        }
        assert len(ids) == 2

    async def test_accepts_used_request_id_after_a_day(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        first = await client.shares.CreateSharedItem(item_with_request_id(user, "one", b"first"))
        await age_request_keys(database, user)
        second = await client.shares.CreateSharedItem(item_with_request_id(user, "one", b"second"))
        assert first.id != second.id
        again = await client.shares.CreateSharedItem(item_with_request_id(user, "one", b"second"))
        assert again.id == second.id

    async def test_rejects_request_id_of_over_64_characters(self, client: Client) -> None:
        user = await client.new_user()
        await client.shares.CreateSharedItem(item_with_request_id(user, "n" * 64))
        with refused(StatusCode.INVALID_ARGUMENT, "request_id"):
            await client.shares.CreateSharedItem(item_with_request_id(user, "n" * 65))


class TestGetSharedItem:
    async def test_returns_current_key_of_the_owner(self, client: Client) -> None:
        user = await client.new_user()
        created = await client.shares.CreateSharedItem(item_of(user))
        update = update_of(user)
        update.rsa_public_key = b"new key"
        await client.users.UpdateUser(update)
        item = await client.shared_item(created.id)
        assert item.rsa_public_key.spki_public_key_bytes == b"new key"

    @pytest.mark.parametrize("item_id", ["nothing", "ünï 🏋", "x" * 100])
    async def test_returns_not_found_for_unknown_id(self, client: Client, item_id: str) -> None:
        with refused(StatusCode.NOT_FOUND):
            await client.shared_item(item_id)

    async def test_rejects_id_of_over_100_characters(self, client: Client) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "id"):
            await client.shared_item("x" * 101)

    async def test_returns_not_found_for_expired_item(self, client: Client) -> None:
        user = await client.new_user()
        request = item_of(user, days=-0.001)
        created = await client.shares.CreateSharedItem(request)
        with refused(StatusCode.NOT_FOUND):
            await client.shared_item(created.id)

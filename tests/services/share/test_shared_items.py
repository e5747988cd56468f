"""ShareService, over every way to call."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import share_pb2

from tests.support.client import EVERY_BYTE, IV, KIB, Client, item_of, nobody, refused, update_of


async def test_an_item_at_its_limits_comes_back_byte_for_byte(client: Client) -> None:
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


async def test_an_item_may_be_empty_and_its_owner_without_a_key(client: Client) -> None:
    user = await client.new_user()
    created = await client.shares.CreateSharedItem(item_of(user, b""))
    item = await client.shared_item(created.id)
    assert item.encrypted_payload.encrypted_payload == b""
    assert item.encrypted_payload.iv.value == IV
    assert item.rsa_public_key.spki_public_key_bytes == b""


async def test_every_item_has_an_id_that_cannot_be_guessed(client: Client) -> None:
    user = await client.new_user()
    ids = {(await client.shares.CreateSharedItem(item_of(user))).id for _ in range(5)}
    assert len(ids) == 5
    assert all(len(item_id) >= 22 for item_id in ids)


async def test_an_item_shows_the_key_that_its_owner_has_now(client: Client) -> None:
    user = await client.new_user()
    created = await client.shares.CreateSharedItem(item_of(user))
    update = update_of(user)
    update.rsa_public_key = b"new key"
    await client.users.UpdateUser(update)
    item = await client.shared_item(created.id)
    assert item.rsa_public_key.spki_public_key_bytes == b"new key"


@pytest.mark.parametrize(
    ("payload", "iv", "field"),
    [
        (bytes(20 * KIB + 1), IV, "encrypted_payload.encrypted_payload"),
        (b"payload", bytes(15), "encrypted_payload.iv.value"),
        (b"payload", bytes(17), "encrypted_payload.iv.value"),
    ],
    ids=["20 KiB and a byte", "an IV of 15 bytes", "an IV of 17 bytes"],
)
async def test_an_item_that_breaks_a_limit_is_refused(
    client: Client, payload: bytes, iv: bytes, field: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, field):
        await client.shares.CreateSharedItem(item_of(nobody(), payload, iv))


async def test_an_item_has_a_payload_an_iv_and_an_expiry(client: Client) -> None:
    request = item_of(nobody())
    request.ClearField("encrypted_payload")
    request.ClearField("expiry")
    with refused(StatusCode.INVALID_ARGUMENT, "encrypted_payload", "expiry"):
        await client.shares.CreateSharedItem(request)
    request = item_of(nobody())
    request.encrypted_payload.ClearField("iv")
    with refused(StatusCode.INVALID_ARGUMENT, "encrypted_payload.iv"):
        await client.shares.CreateSharedItem(request)


@pytest.mark.parametrize("item_id", ["nothing", "ünï 🏋", "x" * 100])
async def test_there_is_no_item_where_nothing_was_shared(client: Client, item_id: str) -> None:
    with refused(StatusCode.NOT_FOUND):
        await client.shared_item(item_id)


async def test_an_id_is_at_most_100_characters(client: Client) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "id"):
        await client.shared_item("x" * 101)


async def test_an_item_that_has_expired_is_not_found(client: Client) -> None:
    user = await client.new_user()
    request = item_of(user, days=-0.001)
    created = await client.shares.CreateSharedItem(request)
    with refused(StatusCode.NOT_FOUND):
        await client.shared_item(created.id)


async def test_an_item_may_stay_until_the_last_moment_there_is(client: Client) -> None:
    user = await client.new_user()
    request = item_of(user)
    request.expiry.CopyFrom(Timestamp(seconds=253402300799, nanos=999_999_999))
    created = await client.shares.CreateSharedItem(request)
    assert (await client.shared_item(created.id)).encrypted_payload == request.encrypted_payload

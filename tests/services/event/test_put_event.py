"""PutEvent, over every transport."""

import asyncio
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from gymlocker.v2 import event_pb2

from tests.support.client import (
    EVERY_BYTE,
    IV,
    KIB,
    Client,
    event_of,
    follow,
    in_days,
    nobody,
    refused,
)
from tests.support.events import YEAR_1, published


class TestPutEvent:
    async def test_stores_event_at_its_limits_byte_for_byte(self, client: Client) -> None:
        user = await client.new_user()
        event = event_of(user, EVERY_BYTE * 60)
        assert len(event.encrypted_event_payload) == 15 * KIB
        await client.events.PutEvent(event)
        response = await client.feed(follow(user.id, await client.new_secret(user)))
        (read,) = response.events
        assert 0 < read.timestamp.ToNanoseconds() < in_days(1).ToNanoseconds()
        assert read == event_pb2.UserEvent(
            user_id=user.id,
            event_id=event.event_id,
            timestamp=read.timestamp,
            encrypted_event_payload=EVERY_BYTE * 60,
            encrypted_event_iv=IV,
            expiry=event.expiry,
        )

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"encrypted_event_payload": bytes(15 * KIB + 1)}, "encrypted_event_payload"),
            ({"encrypted_event_payload": b""}, "encrypted_event_payload"),
            ({"encrypted_event_iv": bytes(17)}, "encrypted_event_iv"),
            ({"encrypted_event_iv": b""}, "encrypted_event_iv"),
            ({"event_id": "not-a-uuid"}, "event_id"),
            ({"event_id": ""}, "event_id"),
            ({"expiry": None}, "expiry"),
        ],
    )
    async def test_rejects_invalid_field(
        self, client: Client, wrong: dict[str, object], field: str
    ) -> None:
        request = event_of(nobody())
        request.ClearField(field)  # type: ignore[arg-type]
        request.MergeFrom(event_pb2.PutEventRequest(**wrong))  # type: ignore[arg-type]
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await client.events.PutEvent(request)

    async def test_replaces_event_with_a_later_timestamp(
        self,
        client: Client,
    ) -> None:
        user = await client.new_user()
        secret = await client.new_secret(user)
        event = event_of(user, b"first")
        await client.events.PutEvent(event)
        (first,) = (await client.feed(follow(user.id, secret))).events
        event.encrypted_event_payload = b"second"
        event.encrypted_event_iv = b"iv"
        event.expiry.CopyFrom(in_days(1))
        event.event_id = event.event_id.upper()
        await client.events.PutEvent(event)
        (second,) = (await client.feed(follow(user.id, secret, first.timestamp))).events
        assert second.event_id == first.event_id
        assert second.encrypted_event_payload == b"second"
        assert second.encrypted_event_iv == b"iv"
        assert second.expiry == event.expiry
        assert second.timestamp.ToNanoseconds() > first.timestamp.ToNanoseconds()

    async def test_keeps_events_of_two_users_with_the_same_id_apart(self, client: Client) -> None:
        one, other = await client.new_user(), await client.new_user()
        event = event_of(one, b"one")
        await client.events.PutEvent(event)
        (before,) = await published(client, one)
        theirs = event_of(other, b"other")
        theirs.event_id = event.event_id
        await client.events.PutEvent(theirs)
        assert await published(client, one) == [before]
        assert [read.encrypted_event_payload for read in await published(client, other)] == [
            b"other"
        ]

    async def test_hides_expired_event(self, client: Client) -> None:
        user = await client.new_user()
        for expired in (
            Timestamp(seconds=YEAR_1),
            Timestamp(seconds=-1),
            Timestamp(),
            in_days(-0.001),
        ):
            event = event_of(user)
            event.expiry.CopyFrom(expired)
            await client.events.PutEvent(event)
        assert await published(client, user) == []

    async def test_accepts_expiry_in_ten_years(self, client: Client) -> None:
        user = await client.new_user()
        event = event_of(user)
        event.expiry.CopyFrom(Timestamp(seconds=in_days(3650).seconds, nanos=999_999_999))
        await client.events.PutEvent(event)
        (read,) = await published(client, user)
        assert read.expiry == Timestamp(seconds=event.expiry.seconds, nanos=999_999_000)

    async def test_expires_event_by_replacing_it(self, client: Client) -> None:
        user = await client.new_user()
        event = event_of(user)
        await client.events.PutEvent(event)
        event.expiry.CopyFrom(in_days(-1))
        await client.events.PutEvent(event)
        assert await published(client, user) == []

    async def test_stores_one_event_for_20_concurrent_writers(self, client: Client) -> None:
        user = await client.new_user()
        event_id = str(uuid4())
        requests = [event_of(user, b"%d" % number) for number in range(20)]
        for request in requests:
            request.event_id = event_id
        await asyncio.gather(*(client.events.PutEvent(request) for request in requests))
        (event,) = await published(client, user)
        assert event.event_id == event_id

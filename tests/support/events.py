"""Helpers for tests of events: publishing, and the earliest and latest timestamps."""

from gymlocker.v2 import event_pb2

from tests.support.client import Client, User, event_of, follow

YEAR_1 = -62135596800
YEAR_9999 = 253402300799


async def published(client: Client, user: User, *payloads: bytes) -> list[event_pb2.UserEvent]:
    """Publish an event for each payload; return the events that a follower reads."""
    for payload in payloads:
        await client.events.PutEvent(event_of(user, payload))
    secret = await client.new_secret(user)
    return list((await client.feed(follow(user.id, secret))).events)

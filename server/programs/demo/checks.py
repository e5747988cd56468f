"""Comparisons that consist of several calls or fields. Each adds its differences to the log.

The "stored" side of a comparison is the server's response: the demo has no other access to it.
"""

from collections.abc import Awaitable, Callable

import grpc
from gymlocker.v2 import event_pb2, user_pb2

from server.programs.demo import samples
from server.programs.demo.comparison_log import ComparisonLog
from server.programs.demo.keys import Unreadable
from server.programs.demo.person import InboxMessage, Person, read_profile
from server.programs.demo.transport import CallError


async def check_profile(
    log: ComparisonLog, person: Person, stranger: Person, sent: user_pb2.UpdateUserRequest
) -> bool:
    """Compare the profile that both phones read with the one that was sent."""
    expected = user_pb2.GetUserResponse(
        id=person.user_id,
        lookup=person.lookup,
        encrypted_name=sent.encrypted_name,
        encrypted_profile_picture=sent.encrypted_profile_picture,
        encryption_iv=sent.encryption_iv,
        rsa_public_key=sent.rsa_public_key,
    )
    profile = f"{person.name}'s profile"
    by_id, by_lookup = person.user_id, person.lookup
    locked = attempt(lambda: read_profile(expected, stranger.keys.aes)[0])
    several = await stranger.phone.users.GetUsers(user_pb2.GetUsersRequest(ids=[by_id]))
    return all(
        [
            log.compare(f"{profile} by id", expected, await person.look_up(by_id)),
            log.compare(f"{profile} by lookup", expected, await stranger.look_up(by_lookup)),
            log.compare(f"{profile} among several", {by_id: expected}, dict(several.users)),
            log.compare(f"{profile} without the key", True, isinstance(locked, Unreadable)),
        ]
    )


async def check_inbox(log: ComparisonLog, reader: Person, sent: InboxMessage) -> InboxMessage:
    """Take the only message out of an inbox and compare it with the one that was sent."""
    inbox = f"{reader.name}'s inbox"
    messages = await reader.take_messages()
    log.require(f"{inbox}, messages in it", 1, len(messages))
    log.require(f"{inbox}, chunks", sent.chunks, list(messages[0].encrypted_message))
    received = await reader.open_message(messages[0])
    log.require(f"{inbox}, decrypted", sent.signed, received.signed)
    log.compare(f"{inbox}, read again", [], await reader.take_messages())
    return received


def check_event(
    log: ComparisonLog, text: bytes, sent: event_pb2.PutEventRequest, stored: event_pb2.UserEvent
) -> None:
    """Compare a stored event with the request that published it."""
    workout = f"workout {samples.name_of(text)}"
    log.compare(f"{workout}, owner", sent.user_id, stored.user_id)
    payload = stored.encrypted_event_payload
    log.compare(f"{workout}, payload", sent.encrypted_event_payload, payload)
    log.compare(f"{workout}, vector", sent.encrypted_event_iv, stored.encrypted_event_iv)
    log.compare(f"{workout}, expiry", sent.expiry, stored.expiry)


async def check_not_found(
    log: ComparisonLog, subject: str, read: Callable[[], Awaitable[object]]
) -> None:
    """Check that a call ends with NOT_FOUND."""
    try:
        await read()
        code = grpc.StatusCode.OK
    except CallError as error:
        code = error.code
    log.compare(subject, grpc.StatusCode.NOT_FOUND, code)


def attempt(read: Callable[[], bytes]) -> bytes | Unreadable:
    """Return the decrypted bytes, or the error, which is a value to compare as well."""
    try:
        return read()
    except Unreadable as error:
        return error

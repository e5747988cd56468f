"""Stubs of all services, and helpers for tests of the feed."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc import aio
from gymlocker.v2 import (
    ai_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    backup_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    exercise_pb2_grpc,
    follow_pb2,
    follow_pb2_grpc,
    inbox_pb2,
    inbox_pb2_grpc,
    push_pb2_grpc,
    share_pb2,
    share_pb2_grpc,
    system_pb2_grpc,
    user_pb2,
    user_pb2_grpc,
    workout_pb2_grpc,
)

from server.programs.demo.transport import CallError
from server.programs.worker.contract import contract_services

KIB = 1024
IV = bytes(range(16))
# All bytes, to detect code that treats bytes as text.
EVERY_BYTE = bytes(range(256))
# Valid, but unused.
SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"

# The credentials of a user.
User = user_pb2.CreateUserResponse


class Client:
    """Stubs of all services over one channel."""

    def __init__(
        self, channel: aio.Channel, make_user: Callable[[], Awaitable[User]] | None = None
    ) -> None:
        self._make_user = make_user or self.created_user
        self.users = user_pb2_grpc.UserServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)
        self.follows = follow_pb2_grpc.FollowServiceStub(channel)
        self.inbox = inbox_pb2_grpc.InboxServiceStub(channel)
        self.push = push_pb2_grpc.PushServiceStub(channel)
        self.shares = share_pb2_grpc.ShareServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)
        self.accounts = auth_pb2_grpc.AuthServiceStub(channel)
        self.workouts = workout_pb2_grpc.WorkoutServiceStub(channel)
        self.exercises = exercise_pb2_grpc.ExerciseServiceStub(channel)
        self.backups = backup_pb2_grpc.BackupServiceStub(channel)
        self.planner = ai_pb2_grpc.AiServiceStub(channel)

    async def new_user(self) -> User:
        """Return a user for this test alone."""
        return await self._make_user()

    async def created_user(self) -> User:
        """Create a user."""
        return await self.users.CreateUser(user_pb2.CreateUserRequest())

    async def login(self, user: User) -> auth_pb2.Tokens:
        """Log `user` in. A cached password check costs no hash."""
        return await self.accounts.Login(
            auth_pb2.LoginRequest(username=user.id, password=user.password)
        )

    async def new_secret(self, user: User) -> str:
        """Create a follow secret of `user`."""
        secret = str(uuid4())
        await self.accept(user, secret)
        return secret

    async def accept(self, user: User, secret: str) -> None:
        """Put the follow secret `secret` of `user`."""
        await self.follows.PutFollowSecret(
            follow_pb2.PutFollowSecretRequest(
                user_id=user.id, password=user.password, follow_secret=secret
            )
        )

    async def revoke(self, user: User, secret: str) -> None:
        """Delete the follow secret `secret` of `user`."""
        await self.follows.DeleteFollowSecret(
            follow_pb2.DeleteFollowSecretRequest(
                user_id=user.id, password=user.password, follow_secret=secret
            )
        )

    async def profile(self, id_or_lookup: str) -> user_pb2.GetUserResponse:
        """Read the public profile of a user."""
        return await self.users.GetUser(user_pb2.GetUserRequest(id_or_lookup=id_or_lookup))

    async def feed(self, *users: event_pb2.FollowedUser) -> event_pb2.GetEventsResponse:
        """Read the events of `users`."""
        return await self.events.GetEvents(event_pb2.GetEventsRequest(users=users))

    async def send(self, user_id: str, *chunks: bytes) -> None:
        """Put a message into the inbox of a user."""
        await self.inbox.PutInboxMessage(
            inbox_pb2.PutInboxMessageRequest(to_user_id=user_id, encrypted_message=chunks)
        )

    async def take_messages(self, user: User) -> list[inbox_pb2.InboxMessage]:
        """Read, and so empty, the inbox of `user`."""
        response = await self.inbox.GetInboxMessages(
            inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=user.password)
        )
        return list(response.inbox_messages)

    async def lease_messages(
        self, user: User, *, seconds: int = 60, at_most: int = 1000
    ) -> list[inbox_pb2.LeasedInboxMessage]:
        """Lease messages in the inbox of `user`."""
        response = await self.inbox.LeaseInboxMessages(
            inbox_pb2.LeaseInboxMessagesRequest(
                user_id=user.id,
                password=user.password,
                lease_seconds=seconds,
                max_messages=at_most,
            )
        )
        return list(response.inbox_messages)

    async def acknowledge(self, user: User, *ids: str) -> None:
        """Remove messages from the inbox of `user`."""
        await self.inbox.AckInboxMessages(
            inbox_pb2.AckInboxMessagesRequest(user_id=user.id, password=user.password, ids=ids)
        )

    async def shared_item(self, item_id: str) -> share_pb2.GetSharedItemResponse:
        """Read a shared item."""
        return await self.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=item_id))


def bearer(tokens: auth_pb2.Tokens) -> list[tuple[str, str]]:
    """Return the metadata of a call with an access token."""
    return [("authorization", f"Bearer {tokens.access_token}")]


def update_of(user: User) -> user_pb2.UpdateUserRequest:
    """Return a request that clears the profile of `user`; the test sets the fields it needs."""
    return user_pb2.UpdateUserRequest(id=user.id, password=user.password)


def event_of(
    user: User, payload: bytes = b"payload", days: float = 90
) -> event_pb2.PutEventRequest:
    """Return a request to publish an event that expires in `days`."""
    return event_pb2.PutEventRequest(
        user_id=user.id,
        password=user.password,
        event_id=str(uuid4()),
        encrypted_event_payload=payload,
        encrypted_event_iv=IV,
        expiry=in_days(days),
    )


def item_of(
    user: User, payload: bytes = b"payload", iv: bytes = IV, days: float = 90
) -> share_pb2.CreateSharedItemRequest:
    """Return a request to share an item that expires in `days`."""
    return share_pb2.CreateSharedItemRequest(
        user_id=user.id,
        password=user.password,
        encrypted_payload=share_pb2.EncryptedPayload(
            encrypted_payload=payload, iv=share_pb2.InitializationVector(value=iv)
        ),
        expiry=in_days(days),
    )


def follow(user_id: str, secret: str, since: Timestamp | None = None) -> event_pb2.FollowedUser:
    """Return an entry of a GetEvents request."""
    return event_pb2.FollowedUser(user_id=user_id, follow_secret=secret, since=since)


def in_days(days: float) -> Timestamp:
    """Return the time in `days`."""
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return timestamp


def shifted(timestamp: Timestamp, *, nanoseconds: int) -> Timestamp:
    """Return `timestamp`, moved by some nanoseconds."""
    moved = Timestamp()
    moved.FromNanoseconds(timestamp.ToNanoseconds() + nanoseconds)
    return moved


def nobody() -> User:
    """Return an id and a password that are unknown to the server."""
    return User(id=str(uuid4()), password=str(uuid4()))


def with_password(user: User, password: str) -> User:
    """Return `user` with another password."""
    return User(id=user.id, lookup=user.lookup, password=password)


async def many_users(database: asyncpg.Connection, count: int) -> list[UUID]:
    """Insert users without a password into the database, which is fast."""
    ids = [uuid4() for _ in range(count)]
    await database.execute(
        """
        INSERT INTO users (id, user_lookup, hashed_password, salt, last_accessed, created,
                           encryption_iv, rsa_public_key)
        SELECT id, id::text, '', '', now(), now(), '', '' FROM unnest($1::uuid[]) AS id
        """,
        ids,
    )
    return ids


@contextmanager
def refused(code: grpc.StatusCode, *fields: str) -> Iterator[None]:
    """Expect that a call fails with `code`, and that it names exactly `fields`."""
    with pytest.raises(CallError) as raised:
        yield
    assert (raised.value.code, violated_fields(raised.value)) == (code, list(fields))
    assert raised.value.message
    assert error_info(raised.value).domain == "gymlocker"


def error_info(error: CallError) -> ErrorInfo:
    """Return the ErrorInfo of an error."""
    for detail in error.details.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            detail.Unpack(info)
            return info
    raise AssertionError(f"{error} carries no ErrorInfo")


def violated_fields(error: CallError) -> Sequence[str]:
    """Return the invalid fields that an error names, as in the proto."""
    fields: list[str] = []
    for detail in error.details.details:
        if detail.Is(BadRequest.DESCRIPTOR):
            request = BadRequest()
            detail.Unpack(request)
            fields += [str(violation.field) for violation in request.field_violations]
    return fields


def contract_methods() -> list[MethodDescriptor]:
    """Return every method of the contract."""
    return [method for service in contract_services() for method in service.methods]

"""The feed's services as a client sees them, and the words that its tests are written in."""

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
    event_pb2,
    event_pb2_grpc,
    follow_pb2,
    follow_pb2_grpc,
    inbox_pb2,
    inbox_pb2_grpc,
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
# Every byte there is, so that whatever takes bytes for text is found out.
EVERY_BYTE = bytes(range(256))
# The right form, but nobody has it.
SOME_UUID = "8a6e0804-2bd0-4672-b79d-d97027f9071a"

# Those who own one of these are users.
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
        self.shares = share_pb2_grpc.ShareServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)
        self.accounts = auth_pb2_grpc.AuthServiceStub(channel)
        self.workouts = workout_pb2_grpc.WorkoutServiceStub(channel)
        self.planner = ai_pb2_grpc.AiServiceStub(channel)

    async def new_user(self) -> User:
        """A user of the test's own."""
        return await self._make_user()

    async def created_user(self) -> User:
        """A user who is really new."""
        return await self.users.CreateUser(user_pb2.CreateUserRequest())

    async def login(self, user: User) -> auth_pb2.Tokens:
        """A new session of `user`. It costs no hash where the password is remembered."""
        return await self.accounts.Login(
            auth_pb2.LoginRequest(username=user.id, password=user.password)
        )

    async def new_secret(self, user: User) -> str:
        """A follow secret of `user`."""
        secret = str(uuid4())
        await self.accept(user, secret)
        return secret

    async def accept(self, user: User, secret: str) -> None:
        """Makes `secret` a follow secret of `user`."""
        await self.follows.PutFollowSecret(
            follow_pb2.PutFollowSecretRequest(
                user_id=user.id, password=user.password, follow_secret=secret
            )
        )

    async def revoke(self, user: User, secret: str) -> None:
        """Makes `secret` no follow secret of `user`."""
        await self.follows.DeleteFollowSecret(
            follow_pb2.DeleteFollowSecretRequest(
                user_id=user.id, password=user.password, follow_secret=secret
            )
        )

    async def profile(self, id_or_lookup: str) -> user_pb2.GetUserResponse:
        """What everybody can read of a user."""
        return await self.users.GetUser(user_pb2.GetUserRequest(id_or_lookup=id_or_lookup))

    async def feed(self, *users: event_pb2.FollowedUser) -> event_pb2.GetEventsResponse:
        """What `users` published."""
        return await self.events.GetEvents(event_pb2.GetEventsRequest(users=users))

    async def send(self, user_id: str, *chunks: bytes) -> None:
        """Puts a message into the inbox of a user."""
        await self.inbox.PutInboxMessage(
            inbox_pb2.PutInboxMessageRequest(to_user_id=user_id, encrypted_message=chunks)
        )

    async def take_messages(self, user: User) -> list[inbox_pb2.InboxMessage]:
        """Empties the inbox of `user`."""
        reply = await self.inbox.GetInboxMessages(
            inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=user.password)
        )
        return list(reply.inbox_messages)

    async def shared_item(self, item_id: str) -> share_pb2.GetSharedItemResponse:
        """Reads a shared item."""
        return await self.shares.GetSharedItem(share_pb2.GetSharedItemRequest(id=item_id))


def bearer(tokens: auth_pb2.Tokens) -> list[tuple[str, str]]:
    """The metadata of a call that is made with an access token."""
    return [("authorization", f"Bearer {tokens.access_token}")]


def update_of(user: User) -> user_pb2.UpdateUserRequest:
    """A request that clears the profile of `user`: the test fills in what it is about."""
    return user_pb2.UpdateUserRequest(id=user.id, password=user.password)


def event_of(
    user: User, payload: bytes = b"payload", days: float = 90
) -> event_pb2.PutEventRequest:
    """A request to publish a new event that expires in `days`."""
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
    """A request to share an item that expires in `days`."""
    return share_pb2.CreateSharedItemRequest(
        user_id=user.id,
        password=user.password,
        encrypted_payload=share_pb2.EncryptedPayload(
            encrypted_payload=payload, iv=share_pb2.InitializationVector(value=iv)
        ),
        expiry=in_days(days),
    )


def follow(user_id: str, secret: str, since: Timestamp | None = None) -> event_pb2.FollowedUser:
    """An entry of GetEvents."""
    return event_pb2.FollowedUser(user_id=user_id, follow_secret=secret, since=since)


def in_days(days: float) -> Timestamp:
    """The time in `days` from now."""
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return timestamp


def shifted(timestamp: Timestamp, *, nanoseconds: int) -> Timestamp:
    """`timestamp` and a little more, or less."""
    moved = Timestamp()
    moved.FromNanoseconds(timestamp.ToNanoseconds() + nanoseconds)
    return moved


def nobody() -> User:
    """Somebody with an id and a password whom the server does not know."""
    return User(id=str(uuid4()), password=str(uuid4()))


def with_password(user: User, password: str) -> User:
    """`user`, who gives another password."""
    return User(id=user.id, lookup=user.lookup, password=password)


async def many_users(database: asyncpg.Connection, count: int) -> list[UUID]:
    """New users without a password, put straight into the database: that costs next to nothing."""
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
    """Expects that a call inside is refused with `code`, and that exactly `fields` are to blame."""
    with pytest.raises(CallError) as raised:
        yield
    assert (raised.value.code, violated_fields(raised.value)) == (code, list(fields))
    assert raised.value.message
    assert error_info(raised.value).domain == "gymlocker"


def error_info(error: CallError) -> ErrorInfo:
    """What the server says to programs about an error."""
    for detail in error.details.details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            detail.Unpack(info)
            return info
    raise AssertionError(f"{error} carries no ErrorInfo")


def violated_fields(error: CallError) -> Sequence[str]:
    """The fields that the server blames, as the proto spells them."""
    fields: list[str] = []
    for detail in error.details.details:
        if detail.Is(BadRequest.DESCRIPTOR):
            request = BadRequest()
            detail.Unpack(request)
            fields += [str(violation.field) for violation in request.field_violations]
    return fields


def contract_methods() -> list[MethodDescriptor]:
    """Every method of the contract."""
    return [method for service in contract_services() for method in service.methods]

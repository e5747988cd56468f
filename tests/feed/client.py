"""The feed's services as a client sees them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from gymlocker.v2 import (
    event_pb2,
    event_pb2_grpc,
    follow_pb2,
    follow_pb2_grpc,
    inbox_pb2_grpc,
    share_pb2_grpc,
    system_pb2_grpc,
    user_pb2,
    user_pb2_grpc,
)


class Client:
    """Stubs of all services over one channel."""

    def __init__(self, channel: aio.Channel) -> None:
        self.users = user_pb2_grpc.UserServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)
        self.follows = follow_pb2_grpc.FollowServiceStub(channel)
        self.inbox = inbox_pb2_grpc.InboxServiceStub(channel)
        self.shares = share_pb2_grpc.ShareServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)

    async def new_user(self) -> user_pb2.CreateUserResponse:
        """A user of the test's own."""
        return await self.users.CreateUser(user_pb2.CreateUserRequest())

    async def new_secret(self, user: user_pb2.CreateUserResponse) -> str:
        """A follow secret of `user`."""
        secret = str(uuid4())
        await self.follows.PutFollowSecret(
            follow_pb2.PutFollowSecretRequest(
                user_id=user.id, password=user.password, follow_secret=secret
            )
        )
        return secret


def event_of(
    user: user_pb2.CreateUserResponse, payload: bytes = b"payload", days: float = 90
) -> event_pb2.PutEventRequest:
    """A request to publish a new event that expires in `days`."""
    return event_pb2.PutEventRequest(
        user_id=user.id,
        password=user.password,
        event_id=str(uuid4()),
        encrypted_event_payload=payload,
        encrypted_event_iv=bytes(range(16)),
        expiry=in_days(days),
    )


def in_days(days: float) -> Timestamp:
    """The time in `days` from now."""
    timestamp = Timestamp()
    timestamp.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return timestamp

"""Calls of a worker from a given address, reduced to their status."""

from typing import Any
from uuid import UUID

import asyncpg
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, inbox_pb2, user_pb2

from server.programs.demo.transport import Metadata
from server.services.credentials.password_hashing import HashedPassword
from tests.services.credentials.failures import WRONG, somewhere
from tests.support.client import Client, User, many_users


def calling_from(address: str) -> Metadata:
    """Return the metadata in which Envoy states the address of the client."""
    return [("x-client-address", address)]


async def code_of(call: Any) -> StatusCode:
    """Return the status of a call."""
    try:
        await call
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK


async def log_in(
    worker: Client, name: str, password: str = WRONG, address: str | None = None
) -> StatusCode:
    """Call Login from `address`, or from one that no other test uses."""
    request = auth_pb2.LoginRequest(username=name, password=password)
    metadata = calling_from(address or somewhere())
    return await code_of(worker.accounts.Login(request, metadata=metadata))


async def take_messages(
    worker: Client, user: User, password: str = WRONG, address: str | None = None
) -> StatusCode:
    """Call GetInboxMessages from `address`, or from one that no other test uses."""
    request = inbox_pb2.GetInboxMessagesRequest(user_id=user.id, password=password)
    metadata = calling_from(address or somewhere())
    return await code_of(worker.inbox.GetInboxMessages(request, metadata=metadata))


async def created_at(address: str, worker: Client) -> User:
    """Create a user from `address`."""
    metadata = calling_from(address)
    return await worker.users.CreateUser(user_pb2.CreateUserRequest(), metadata=metadata)


async def user_without_password(database: asyncpg.Connection) -> User:
    """Return a new user that no password matches."""
    [user_id] = await many_users(database, 1)
    return User(id=str(user_id), lookup=str(user_id))


async def store_password(user: User, password: str, database: asyncpg.Connection) -> None:
    """Store a new hash of `password`, without any validation."""
    hashed = HashedPassword.of(password)
    await database.execute(
        "UPDATE users SET hashed_password = $2, salt = $3 WHERE id = $1",
        UUID(user.id),
        hashed.key,
        hashed.salt,
    )


def trailers(error: aio.AioRpcError) -> list[tuple[str, str | bytes]]:
    """Return the trailing metadata of an error."""
    return list(error.trailing_metadata() or ())


def retry_info(error: aio.AioRpcError) -> RetryInfo:
    """Return the RetryInfo in the details of an error."""
    [status] = [value for key, value in trailers(error) if key == "grpc-status-details-bin"]
    assert isinstance(status, bytes)
    info = RetryInfo()
    [found] = [d for d in Status.FromString(status).details if d.Is(RetryInfo.DESCRIPTOR)]
    assert found.Unpack(info)
    return info

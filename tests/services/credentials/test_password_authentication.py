"""What holds for every call that carries a password, over every way to call.

The contract's descriptors say which calls these are: a new one fails the first test until a
request for it stands here.
"""

from collections.abc import Callable
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message
from grpc import StatusCode, aio
from gymlocker.v2 import follow_pb2, inbox_pb2, options_pb2, user_pb2

from server.programs.demo.transport import Transport
from server.services.credentials.hashing import HashedPassword
from tests.support.client import (
    Client,
    User,
    contract_methods,
    event_of,
    item_of,
    nobody,
    refused,
    update_of,
    with_password,
)

# A request without fault, for each method that needs a password.
REQUESTS: dict[str, Callable[[User], Message]] = {
    "UpdateUser": update_of,
    "DeleteUser": lambda user: user_pb2.DeleteUserRequest(id=user.id, password=user.password),
    "PutEvent": event_of,
    "PutFollowSecret": lambda user: follow_pb2.PutFollowSecretRequest(
        user_id=user.id, password=user.password, follow_secret="secret"
    ),
    "DeleteFollowSecret": lambda user: follow_pb2.DeleteFollowSecretRequest(
        user_id=user.id, password=user.password, follow_secret="secret"
    ),
    "GetInboxMessages": lambda user: inbox_pb2.GetInboxMessagesRequest(
        user_id=user.id, password=user.password
    ),
    "CreateSharedItem": item_of,
}
METHODS = {
    method.name: method
    for method in contract_methods()
    if method.GetOptions().Extensions[options_pb2.authentication].scheme
    == options_pb2.Authentication.SCHEME_PASSWORD
}
every_method = pytest.mark.parametrize("name", REQUESTS)


def test_every_call_with_a_password_is_tested_here() -> None:
    assert REQUESTS.keys() == METHODS.keys()


async def test_with_somebody_elses_password_no_call_does_anything(
    transport: Transport, client: Client, database: asyncpg.Connection
) -> None:
    user, other = await client.new_user(), await client.new_user()
    await client.send(user.id, b"message")
    before = await _everything_of(user, database)
    for name, request_of in REQUESTS.items():
        with refused(StatusCode.UNAUTHENTICATED):
            await transport.call(METHODS[name], request_of(with_password(user, other.password)))
    assert await _everything_of(user, database) == before


async def test_a_password_differs_by_case_and_has_nothing_after_it(client: Client) -> None:
    user = await client.new_user()
    for wrong in (user.password.upper(), user.password + " ", user.password[:-1]):
        with refused(StatusCode.UNAUTHENTICATED):
            await client.take_messages(with_password(user, wrong))
    assert await client.take_messages(user) == []


async def test_a_password_with_a_nul_after_it_is_another_one(client: Client) -> None:
    # HMAC pads its key with NULs: to PBKDF2 both are the same.
    user = await client.new_user()
    with refused(StatusCode.INVALID_ARGUMENT, "password"):
        await client.take_messages(with_password(user, user.password + "\0"))


async def _everything_of(user: User, database: asyncpg.Connection) -> list[object]:
    tables = ("user_events", "user_follow_secrets", "user_inbox_items", "shared_items")
    rows = await database.fetch("SELECT * FROM users WHERE id = $1", UUID(user.id))
    for table in tables:
        rows += await database.fetch(f"SELECT * FROM {table} WHERE user_id = $1", UUID(user.id))
    return [tuple(row) for row in rows]


@every_method
async def test_an_unknown_user_is_not_found_unless_that_is_a_secret(
    transport: Transport, name: str
) -> None:
    expected = StatusCode.UNAUTHENTICATED if name == "CreateSharedItem" else StatusCode.NOT_FOUND
    with refused(expected):
        await transport.call(METHODS[name], REQUESTS[name](nobody()))


@every_method
@pytest.mark.parametrize("password", ["", "é" * 41], ids=["none", "41 characters"])
async def test_a_password_has_1_to_40_characters(
    transport: Transport, name: str, password: str
) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, "password"):
        await transport.call(METHODS[name], REQUESTS[name](with_password(nobody(), password)))


@every_method
@pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}", "{} ", "\0{}", ""])
async def test_an_id_is_a_uuid_with_hyphens_and_nothing_else(
    transport: Transport, name: str, form: str
) -> None:
    user = User(id=form.format(uuid4()), password="password")
    field = METHODS[name].GetOptions().Extensions[options_pb2.authentication].user_id_field
    with refused(StatusCode.INVALID_ARGUMENT, field):
        await transport.call(METHODS[name], REQUESTS[name](user))


@every_method
async def test_an_id_without_hyphens_is_none(transport: Transport, name: str) -> None:
    field = METHODS[name].GetOptions().Extensions[options_pb2.authentication].user_id_field
    with refused(StatusCode.INVALID_ARGUMENT, field):
        await transport.call(
            METHODS[name], REQUESTS[name](User(id=uuid4().hex, password="password"))
        )


# --- What is remembered of a password, in each worker ---


async def test_no_worker_knows_a_deleted_user_any_more(workers: list[Client]) -> None:
    user = await workers[0].new_user()
    for worker in workers:
        assert await worker.take_messages(user) == []
    await workers[0].users.DeleteUser(
        user_pb2.DeleteUserRequest(id=user.id, password=user.password)
    )
    for worker in workers:
        assert await _code(worker, user) == StatusCode.NOT_FOUND


async def test_a_changed_password_counts_at_once_in_every_worker(
    workers: list[Client], database: asyncpg.Connection
) -> None:
    user = await workers[0].new_user()
    for worker in workers:
        assert await _code(worker, user) == StatusCode.OK
    await _change_password(user, "another password", database)
    for worker in workers:
        assert await _code(worker, user) == StatusCode.UNAUTHENTICATED
        assert await _code(worker, with_password(user, "another password")) == StatusCode.OK


async def test_a_password_that_is_stored_anew_works_although_it_was_refused_before(
    client: Client, database: asyncpg.Connection
) -> None:
    user = await client.new_user()
    await _change_password(user, "pässwörd 🏋", database)
    with refused(StatusCode.UNAUTHENTICATED):
        await client.take_messages(user)
    assert await client.take_messages(with_password(user, "pässwörd 🏋")) == []


async def _change_password(user: User, password: str, database: asyncpg.Connection) -> None:
    hashed = HashedPassword.of(password)
    await database.execute(
        "UPDATE users SET hashed_password = $2, salt = $3 WHERE id = $1",
        UUID(user.id),
        hashed.key,
        hashed.salt,
    )


async def _code(worker: Client, user: User) -> grpc.StatusCode:
    try:
        await worker.take_messages(user)
    except aio.AioRpcError as error:
        return error.code()
    return StatusCode.OK

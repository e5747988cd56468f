"""Rules of every method that takes a password, over each transport.

The descriptors of the contract say which methods these are. A new one fails the first test until
REQUESTS has a request for it.
"""

from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest
from google.protobuf.message import Message
from grpc import StatusCode
from gymlocker.v2 import event_pb2, follow_pb2, inbox_pb2, options_pb2, user_pb2

from server.programs.demo.transport import Transport
from tests.services.auth.accounts import rows_of
from tests.services.credentials.calls import code_of, store_password
from tests.support.client import (
    SOME_UUID,
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

# A valid request of each method that takes a password.
REQUESTS: dict[str, Callable[[User], Message]] = {
    "UpdateUser": update_of,
    "DeleteUser": lambda user: user_pb2.DeleteUserRequest(id=user.id, password=user.password),
    "PutEvent": event_of,
    "DeleteEvent": lambda user: event_pb2.DeleteEventRequest(
        user_id=user.id, password=user.password, event_id=SOME_UUID
    ),
    "PutFollowSecret": lambda user: follow_pb2.PutFollowSecretRequest(
        user_id=user.id, password=user.password, follow_secret="secret"
    ),
    "DeleteFollowSecret": lambda user: follow_pb2.DeleteFollowSecretRequest(
        user_id=user.id, password=user.password, follow_secret="secret"
    ),
    "GetInboxMessages": lambda user: inbox_pb2.GetInboxMessagesRequest(
        user_id=user.id, password=user.password
    ),
    "LeaseInboxMessages": lambda user: inbox_pb2.LeaseInboxMessagesRequest(
        user_id=user.id, password=user.password, lease_seconds=10, max_messages=10
    ),
    "AckInboxMessages": lambda user: inbox_pb2.AckInboxMessagesRequest(
        user_id=user.id, password=user.password, ids=[SOME_UUID]
    ),
    "WatchInbox": lambda user: inbox_pb2.WatchInboxRequest(user_id=user.id, password=user.password),
    "CreateSharedItem": item_of,
}
METHODS = {
    method.name: method
    for method in contract_methods()
    if method.GetOptions().Extensions[options_pb2.authentication].scheme
    == options_pb2.Authentication.SCHEME_PASSWORD
}
every_method = pytest.mark.parametrize("name", REQUESTS)


class TestPasswordMethods:
    def test_requests_cover_every_method(self) -> None:
        assert REQUESTS.keys() == METHODS.keys()

    async def test_password_of_another_user_changes_nothing(
        self, transport: Transport, client: Client, database: asyncpg.Connection
    ) -> None:
        user, other = await client.new_user(), await client.new_user()
        await client.send(user.id, b"message")
        before = await rows_of(user, database)
        for name, request_of in REQUESTS.items():
            with refused(StatusCode.UNAUTHENTICATED):
                await transport.call(METHODS[name], request_of(with_password(user, other.password)))
        assert await rows_of(user, database) == before

    @every_method
    async def test_unknown_user_is_not_found_unless_concealed(
        self, transport: Transport, name: str
    ) -> None:
        expected = (
            StatusCode.UNAUTHENTICATED if name == "CreateSharedItem" else StatusCode.NOT_FOUND
        )
        with refused(expected):
            await transport.call(METHODS[name], REQUESTS[name](nobody()))

    @every_method
    @pytest.mark.parametrize("password", ["", "é" * 41], ids=["none", "41 characters"])
    async def test_rejects_empty_or_overlong_password(
        self, transport: Transport, name: str, password: str
    ) -> None:
        with refused(StatusCode.INVALID_ARGUMENT, "password"):
            await transport.call(METHODS[name], REQUESTS[name](with_password(nobody(), password)))

    @every_method
    @pytest.mark.parametrize("form", ["{{{}}}", "urn:uuid:{}", "{} ", "\0{}", ""])
    async def test_rejects_other_forms_of_uuid(
        self, transport: Transport, name: str, form: str
    ) -> None:
        user = User(id=form.format(uuid4()), password="password")
        field = METHODS[name].GetOptions().Extensions[options_pb2.authentication].user_id_field
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await transport.call(METHODS[name], REQUESTS[name](user))

    @every_method
    async def test_rejects_uuid_without_hyphens(self, transport: Transport, name: str) -> None:
        field = METHODS[name].GetOptions().Extensions[options_pb2.authentication].user_id_field
        with refused(StatusCode.INVALID_ARGUMENT, field):
            await transport.call(
                METHODS[name], REQUESTS[name](User(id=uuid4().hex, password="password"))
            )


class TestPassword:
    async def test_is_compared_exactly(self, client: Client) -> None:
        user = await client.new_user()
        for wrong in (user.password.upper(), user.password + " ", user.password[:-1]):
            with refused(StatusCode.UNAUTHENTICATED):
                await client.take_messages(with_password(user, wrong))
        assert await client.take_messages(user) == []

    async def test_rejects_trailing_nul(self, client: Client) -> None:
        # HMAC pads its key with NULs, so PBKDF2 hashes both alike.
        user = await client.new_user()
        with refused(StatusCode.INVALID_ARGUMENT, "password"):
            await client.take_messages(with_password(user, user.password + "\0"))


class TestCacheOfWorkers:
    """Cached passwords of several workers."""

    async def test_deleted_user_is_unknown_to_every_worker(self, workers: list[Client]) -> None:
        user = await workers[0].new_user()
        for worker in workers:
            assert await worker.take_messages(user) == []
        await workers[0].users.DeleteUser(
            user_pb2.DeleteUserRequest(id=user.id, password=user.password)
        )
        for worker in workers:
            assert await code_of(worker.take_messages(user)) == StatusCode.NOT_FOUND

    async def test_changed_password_is_effective_in_every_worker(
        self, workers: list[Client], database: asyncpg.Connection
    ) -> None:
        user = await workers[0].new_user()
        for worker in workers:
            assert await code_of(worker.take_messages(user)) == StatusCode.OK
        await store_password(user, "another password", database)
        changed = with_password(user, "another password")
        for worker in workers:
            assert await code_of(worker.take_messages(user)) == StatusCode.UNAUTHENTICATED
            assert await code_of(worker.take_messages(changed)) == StatusCode.OK

    async def test_new_password_is_accepted_after_a_rejection(
        self, client: Client, database: asyncpg.Connection
    ) -> None:
        user = await client.new_user()
        await store_password(user, "pässwörd 🏋", database)
        with refused(StatusCode.UNAUTHENTICATED):
            await client.take_messages(user)
        assert await client.take_messages(with_password(user, "pässwörd 🏋")) == []

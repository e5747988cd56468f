"""Which keys, and which other headers, each method of the contract accepts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx2
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import Metadata
from tests.services.auth.calling import code_of
from tests.services.auth.requests import REQUESTS, Things
from tests.services.auth.test_authorization import METHODS, things_of
from tests.support.client import Client, User, bearer, with_password
from tests.support.stack import SHARED_KEY, Stack
from tests.support.users import UserPool

pytestmark = pytest.mark.extended

SCOPES = ("workouts.read", "workouts.write", "backup", "backup.write", "planner", "feed")
REFUSED, DENIED = StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED

# Methods that never read these headers.
PUBLIC = {
    "SystemService.GetHealth",
    "SystemService.GetFeatures",
    "UserService.CreateUser",
    "UserService.GetUser",
    "UserService.GetUsers",
    "EventService.GetEvents",
    "EventService.WatchEvents",
    "InboxService.PutInboxMessage",
    "ShareService.GetSharedItem",
    "AuthService.Register",
    "AuthService.Login",
    "AuthService.RefreshToken",
    "AuthService.Logout",
}
# The scopes that allow each of the others.
ALLOWED: dict[str, set[str]] = {
    "UserService.UpdateUser": {"feed"},
    "UserService.DeleteUser": set(),
    "EventService.PutEvent": {"feed"},
    "EventService.DeleteEvent": {"feed"},
    "FollowService.PutFollowSecret": {"feed"},
    "FollowService.DeleteFollowSecret": {"feed"},
    "InboxService.GetInboxMessages": {"feed"},
    "InboxService.LeaseInboxMessages": {"feed"},
    "InboxService.AckInboxMessages": {"feed"},
    "InboxService.WatchInbox": {"feed"},
    "PushService.RegisterEndpoint": {"feed"},
    "PushService.ListEndpoints": {"feed"},
    "PushService.ConfirmEndpoint": {"feed"},
    "PushService.DeleteEndpoint": {"feed"},
    "ShareService.CreateSharedItem": {"feed"},
    "AuthService.GetMe": set(),
    "AuthService.UpdateAccount": set(),
    "AuthService.ChangePassword": set(),
    "AuthService.ClaimUsername": set(),
    "AuthService.CreateAccessKey": set(),
    "AuthService.ListAccessKeys": set(),
    "AuthService.DeleteAccessKey": set(),
    "AuthService.ListSessions": set(),
    "AuthService.DeleteSession": set(),
    "AuthService.ExportAccount": set(),
    "WorkoutService.CreateWorkout": {"workouts.write"},
    "WorkoutService.GetWorkout": {"workouts.read"},
    "WorkoutService.ListWorkouts": {"workouts.read"},
    "WorkoutService.ListWorkoutChanges": {"workouts.read"},
    "WorkoutService.UpdateWorkout": {"workouts.write"},
    "WorkoutService.DeleteWorkout": {"workouts.write"},
    "WorkoutService.GetWorkoutStats": {"workouts.read"},
    "WorkoutService.ExportWorkouts": {"workouts.read"},
    "WorkoutService.ImportWorkouts": {"workouts.write"},
    "ExerciseService.ListExercises": {"workouts.read"},
    "ExerciseService.GetExerciseProgress": {"workouts.read"},
    "ExerciseService.ListRecords": {"workouts.read"},
    "AiService.GenerateWorkoutPlan": {"planner"},
    "AiService.GenerateSession": {"planner"},
    "AiService.Chat": {"planner"},
    "AiService.StreamChat": {"planner"},
    "AiService.GetQuota": {"planner"},
    "BackupService.UploadBackup": {"backup", "backup.write"},
    "BackupService.DownloadBackup": {"backup"},
    "BackupService.ListBackups": {"backup"},
    "BackupService.DeleteBackup": {"backup"},
    "BackupService.ImportBackup": {"backup"},
}
# Methods that the shared key of the server allows.
SHARED = {name for name in ALLOWED if name.startswith(("AiService.", "BackupService."))}
# A password in the request is required without a header that names the caller.
WITH_PASSWORD = {
    name
    for name, scopes in ALLOWED.items()
    if "feed" in scopes and not name.startswith("PushService.")
} | {"UserService.DeleteUser"}
JUDGED = sorted(ALLOWED.keys() & METHODS.keys())


class Caller:
    """Caller of any method with a person's data, but without a password."""

    def __init__(self, channel: aio.Channel, client: Client, things: Things) -> None:
        self.client = client
        self.things = replace(things, who=with_password(things.owner, ""))
        self._channel = channel

    def call_of(self, name: str) -> tuple[MethodDescriptor, Message]:
        return METHODS[name], REQUESTS[name](self.things)

    async def code(self, name: str, headers: Metadata) -> StatusCode:
        return await code_of(self._channel, *self.call_of(name), headers)

    async def codes(self, *headers: tuple[str, str]) -> dict[str, StatusCode]:
        """Return the status of each judged method with these headers."""
        found = await asyncio.gather(*[self.code(name, headers) for name in JUDGED])
        return dict(zip(JUDGED, found, strict=True))

    async def key(self, *scopes: str, owner: User | None = None) -> Any:
        """Create a key of the person, or of another user."""
        tokens = await self.client.login(owner or self.things.owner)
        request = auth_pb2.CreateAccessKeyRequest(name="test", scopes=scopes)
        return await self.client.accounts.CreateAccessKey(request, metadata=bearer(tokens))


@pytest.fixture
async def caller(
    stack: Stack, user_pool: UserPool, database: asyncpg.Connection
) -> AsyncIterator[Caller]:
    async with aio.insecure_channel(stack.address) as channel:
        client = Client(channel)
        owner = await user_pool.take(database, client.created_user)
        yield Caller(channel, client, await things_of(owner, client, database))
        user_pool.give_back([owner])


def everywhere(code: StatusCode) -> dict[str, StatusCode]:
    return dict.fromkeys(JUDGED, code)


class TestKeyPolicy:
    def test_tables_list_every_method(self) -> None:
        assert not PUBLIC & ALLOWED.keys()
        assert METHODS.keys() - PUBLIC - ALLOWED.keys() == set()

    @pytest.mark.parametrize("scope", SCOPES)
    async def test_key_allows_exactly_the_methods_of_its_scope(
        self, caller: Caller, scope: str
    ) -> None:
        key = (await caller.key(scope)).key
        denied = {name for name in JUDGED if scope not in ALLOWED[name]}
        for name in denied:
            assert await caller.code(name, [("x-api-key", key)]) == DENIED, name
            assert await caller.code(name, [("authorization", f"Bearer {key}")]) == DENIED, name
        for name in (name for name in JUDGED if name not in denied):
            admitted = await caller.code(name, [("x-api-key", key)])
            assert admitted not in (REFUSED, DENIED), name
            # No password is required either.
            assert scope != "feed" or admitted == StatusCode.OK, name

    async def test_ended_and_unknown_keys_are_refused_by_each(
        self, caller: Caller, database: asyncpg.Connection
    ) -> None:
        revoked, expired = await caller.key(*SCOPES), await caller.key(*SCOPES)
        tokens = await caller.client.login(caller.things.owner)
        await caller.client.accounts.DeleteAccessKey(
            auth_pb2.DeleteAccessKeyRequest(id=revoked.id), metadata=bearer(tokens)
        )
        await database.execute(
            "UPDATE access_keys SET expiry = now() WHERE id = $1::text::uuid", expired.id
        )
        for key in (revoked.key, expired.key, f"glk_{'a' * 43}", "wrong"):
            assert await caller.codes(("x-api-key", key)) == everywhere(REFUSED)

    async def test_key_of_a_disabled_user_is_denied_by_each(
        self, caller: Caller, database: asyncpg.Connection
    ) -> None:
        key = (await caller.key(*SCOPES)).key
        await database.execute(
            "UPDATE users SET disabled = now() WHERE id = $1::text::uuid", caller.things.owner.id
        )
        assert await caller.codes(("x-api-key", key)) == everywhere(DENIED)

    async def test_shared_key_is_for_planner_and_backups(self, caller: Caller) -> None:
        codes = await caller.codes(("x-api-key", SHARED_KEY))
        assert {name for name, code in codes.items() if code != REFUSED} == SHARED & METHODS.keys()
        # Its identity has no training log to import into.
        assert {name for name, code in codes.items() if code == DENIED} == {
            "BackupService.ImportBackup"
        }

    async def test_key_of_a_neighbour_does_not_open_the_feed_of_another(
        self, caller: Caller, database: asyncpg.Connection, user_pool: UserPool
    ) -> None:
        neighbour = await user_pool.take(database, caller.client.created_user)
        key = (await caller.key(*SCOPES, owner=neighbour)).key
        codes = {name: await caller.code(name, [("x-api-key", key)]) for name in WITH_PASSWORD}
        assert codes == dict.fromkeys(WITH_PASSWORD, REFUSED) | {"UserService.DeleteUser": DENIED}
        user_pool.give_back([neighbour])

    async def test_forged_forwarded_name_is_ignored_by_each(self, caller: Caller) -> None:
        headers = [
            ("remote-user", caller.things.username),
            ("x-direct-peer", "127.0.0.9"),
            ("x-client-address", "127.0.0.9"),
            ("x-forwarded-for", "127.0.0.9"),
        ]
        codes = await caller.codes(*headers)
        refused = everywhere(REFUSED) | dict.fromkeys(WITH_PASSWORD, StatusCode.INVALID_ARGUMENT)
        assert codes == refused

    async def test_public_methods_ignore_every_header(self, caller: Caller) -> None:
        key = (await caller.key("planner")).key
        plain = {name: await caller.code(name, []) for name in PUBLIC}
        for value in (key, SHARED_KEY, "wrong"):
            headers = [("x-api-key", value), ("authorization", f"Bearer {value}")]
            assert {name: await caller.code(name, headers) for name in PUBLIC} == plain

    @pytest.mark.parametrize("path", ["/ai-chat", "/v2/ai-chat-v2"])
    async def test_hubs_take_keys_of_the_planner(
        self, caller: Caller, rest: httpx2.AsyncClient, path: str
    ) -> None:
        good, other = (await caller.key("planner")).key, (await caller.key("feed")).key
        for key, status in ((good, 200), (SHARED_KEY, 200), (other, 403), (f"{good}x", 401)):
            negotiate = f"{path}/negotiate"
            for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
                response = await rest.post(negotiate, headers=headers)
                assert response.status_code == status
            response = await rest.post(f"{negotiate}?access_token={key}")
            assert response.status_code == status

    async def test_password_counts_beside_any_key(self, caller: Caller) -> None:
        neighbours = (await caller.key("planner")).key
        caller.things = replace(caller.things, who=caller.things.owner)
        for value in (neighbours, SHARED_KEY, "wrong"):
            for name in sorted(WITH_PASSWORD - {"UserService.DeleteUser"}):
                assert await caller.code(name, [("x-api-key", value)]) == StatusCode.OK, name

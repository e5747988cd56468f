"""Authorization of each method of the contract for four callers:

- anonymous: no credentials;
- other user: another user, who requests this user's data by id;
- former session: a session that has ended, or a wrong password;
- owner: this user.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, backup_pb2, training_pb2, workout_pb2

from server.programs.demo.transport import Metadata, RestTransport
from tests.services.auth.accounts import rows_of
from tests.services.auth.calling import PASSWORD, authentication_of, responses_of
from tests.services.auth.probes import GrpcProbe, Probe, RestProbe
from tests.services.auth.requests import BACKUP, PUSH_URL, REQUESTS, Things
from tests.services.push.device import Device, text_of
from tests.services.push.rows import challenge_of
from tests.support.client import (
    Client,
    User,
    bearer,
    contract_methods,
    event_of,
    item_of,
    with_password,
)
from tests.support.stack import Stack
from tests.support.users import UserPool

pytestmark = pytest.mark.extended

OK = StatusCode.OK
INVALID = StatusCode.INVALID_ARGUMENT
REFUSED = StatusCode.UNAUTHENTICATED
NOT_FOUND = StatusCode.NOT_FOUND
TAKEN = StatusCode.ALREADY_EXISTS

CALLERS = ("anonymous", "other user", "former session", "owner")

# Statuses of each method for each of CALLERS. The last methods end what the others use.
TABLE: dict[str, tuple[StatusCode, StatusCode, StatusCode, StatusCode]] = {
    "SystemService.GetHealth": (OK, OK, OK, OK),
    "SystemService.GetFeatures": (OK, OK, OK, OK),
    "UserService.CreateUser": (OK, OK, OK, OK),
    "UserService.GetUser": (OK, OK, OK, OK),
    "UserService.GetUsers": (OK, OK, OK, OK),
    "UserService.UpdateUser": (INVALID, REFUSED, REFUSED, OK),
    "EventService.PutEvent": (INVALID, REFUSED, REFUSED, OK),
    "EventService.GetEvents": (OK, OK, OK, OK),
    "EventService.WatchEvents": (OK, OK, OK, OK),
    "EventService.DeleteEvent": (INVALID, REFUSED, REFUSED, OK),
    "FollowService.PutFollowSecret": (INVALID, REFUSED, REFUSED, OK),
    "FollowService.DeleteFollowSecret": (INVALID, REFUSED, REFUSED, OK),
    "InboxService.PutInboxMessage": (OK, OK, OK, OK),
    "InboxService.GetInboxMessages": (INVALID, REFUSED, REFUSED, OK),
    "InboxService.LeaseInboxMessages": (INVALID, REFUSED, REFUSED, OK),
    "InboxService.AckInboxMessages": (INVALID, REFUSED, REFUSED, OK),
    "InboxService.WatchInbox": (INVALID, REFUSED, REFUSED, OK),
    "PushService.RegisterEndpoint": (REFUSED, OK, REFUSED, OK),
    "PushService.ListEndpoints": (REFUSED, OK, REFUSED, OK),
    "PushService.ConfirmEndpoint": (REFUSED, NOT_FOUND, REFUSED, OK),
    "PushService.DeleteEndpoint": (REFUSED, NOT_FOUND, REFUSED, OK),
    "ShareService.CreateSharedItem": (INVALID, REFUSED, REFUSED, OK),
    "ShareService.GetSharedItem": (OK, OK, OK, OK),
    # Methods without a session. A refresh token is valid whoever sends it.
    "AuthService.Register": (TAKEN, TAKEN, TAKEN, TAKEN),
    "AuthService.Login": (INVALID, REFUSED, REFUSED, OK),
    "AuthService.RefreshToken": (INVALID, OK, REFUSED, OK),
    "AuthService.Logout": (INVALID, OK, OK, OK),
    "AuthService.GetMe": (REFUSED, OK, REFUSED, OK),
    "AuthService.ClaimUsername": (REFUSED, TAKEN, REFUSED, OK),
    "AuthService.UpdateAccount": (REFUSED, OK, REFUSED, OK),
    "AuthService.CreateAccessKey": (REFUSED, OK, REFUSED, OK),
    "AuthService.ListAccessKeys": (REFUSED, OK, REFUSED, OK),
    "AuthService.DeleteAccessKey": (REFUSED, NOT_FOUND, REFUSED, OK),
    "AuthService.ListSessions": (REFUSED, OK, REFUSED, OK),
    "AuthService.DeleteSession": (REFUSED, NOT_FOUND, REFUSED, OK),
    "AuthService.ExportAccount": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.CreateWorkout": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.GetWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    "WorkoutService.ListWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.ListWorkoutChanges": (REFUSED, OK, REFUSED, OK),
    "ExerciseService.ListExercises": (REFUSED, OK, REFUSED, OK),
    "ExerciseService.GetExerciseProgress": (REFUSED, OK, REFUSED, OK),
    "ExerciseService.ListRecords": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.GetWorkoutStats": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.ExportWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.ImportWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.UpdateWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    "WorkoutService.DeleteWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    "BackupService.UploadBackup": (REFUSED, OK, REFUSED, OK),
    "BackupService.DownloadBackup": (REFUSED, NOT_FOUND, REFUSED, OK),
    "BackupService.ListBackups": (REFUSED, OK, REFUSED, OK),
    "BackupService.ImportBackup": (REFUSED, NOT_FOUND, REFUSED, OK),
    "BackupService.DeleteBackup": (REFUSED, NOT_FOUND, REFUSED, OK),
    # For buyers only, no session is enough. See tests/services/ai for buyers.
    "AiService.GenerateWorkoutPlan": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.GenerateSession": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.Chat": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.StreamChat": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.GetQuota": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AuthService.ChangePassword": (REFUSED, REFUSED, REFUSED, OK),
    "UserService.DeleteUser": (INVALID, REFUSED, REFUSED, OK),
}
METHODS = {f"{m.containing_service.name}.{m.name}": m for m in contract_methods()}
# These end the session, so each of them gets a new one.
ENDS_A_SESSION = ("AuthService.RefreshToken", "AuthService.Logout", "UserService.DeleteUser")

# Over gRPC only.
WITHOUT_A_PATH = {"AiService.Chat"}


@pytest.fixture(params=["grpc", "rest"])
async def probe(
    stack: Stack, rest: httpx2.AsyncClient, request: pytest.FixtureRequest
) -> AsyncIterator[Probe]:
    if request.param == "grpc":
        async with aio.insecure_channel(stack.address) as channel:
            yield GrpcProbe(channel)
    else:
        transport = RestTransport(stack.url)
        yield RestProbe(transport, rest)
        await transport.close()


@dataclass(frozen=True)
class Scene:
    """An owner with data, another user, and the sessions of both."""

    client: Client
    things: Things
    other: User
    owners: auth_pb2.Tokens
    others: auth_pb2.Tokens
    ended: auth_pb2.Tokens

    async def call_of(
        self, caller: str, proof: str, name: str
    ) -> tuple[MethodDescriptor, Message, Metadata]:
        """Return a call of a method by one of CALLERS, with a token or password as `proof`."""
        password, tokens = self._credentials(caller)
        if tokens.access_token and name in ENDS_A_SESSION:
            user = self.other if caller == "other user" else self.things.owner
            tokens = tokens if tokens is self.ended else await self.client.login(user)
        who = with_password(self.things.owner, password if proof == "password" else "")
        things = replace(
            self.things, password=password, refresh_token=tokens.refresh_token, who=who
        )
        metadata = bearer(tokens) if proof == "token" and tokens.access_token else []
        return METHODS[name], REQUESTS[name](things), metadata

    def _credentials(self, caller: str) -> tuple[str, auth_pb2.Tokens]:
        credentials = {
            "anonymous": ("", auth_pb2.Tokens()),
            "other user": (self.other.password, self.others),
            "former session": ("wrong password", self.ended),
            "owner": (self.things.owner.password, self.owners),
        }
        return credentials[caller]


@pytest.fixture
async def scene(stack: Stack, user_pool: UserPool, database: asyncpg.Connection) -> Any:
    async with aio.insecure_channel(stack.address) as channel:
        client = Client(channel)
        owner = await user_pool.take(database, client.created_user)
        other = await user_pool.take(database, client.created_user)
        yield Scene(
            client,
            await things_of(owner, client, database),
            other,
            owners=await client.login(owner),
            others=await client.login(other),
            ended=await _ended(owner, client),
        )
        user_pool.give_back([owner, other])


async def things_of(owner: User, client: Client, database: asyncpg.Connection) -> Things:
    metadata = bearer(await client.login(owner))
    username = f"owner {uuid4().hex}"
    await client.accounts.ClaimUsername(
        auth_pb2.ClaimUsernameRequest(username=username), metadata=metadata
    )
    workout = await client.workouts.CreateWorkout(
        workout_pb2.CreateWorkoutRequest(
            date="2026-02-06",
            type="Canary",
            duration=30,
            exercises=[
                training_pb2.WorkoutExercise(name="Canary", sets=[training_pb2.WorkoutSet(reps=5)])
            ],
        ),
        metadata=metadata,
    )
    await client.events.PutEvent(event_of(owner))
    await client.send(owner.id, b"message")
    [message] = await client.lease_messages(owner)
    item = await client.shares.CreateSharedItem(item_of(owner))
    key = await client.accounts.CreateAccessKey(
        auth_pb2.CreateAccessKeyRequest(name="Canary", scopes=["feed"]), metadata=metadata
    )
    # The oldest one is the session of the calls above.
    sessions = await client.accounts.ListSessions(auth_pb2.ListSessionsRequest(), metadata=metadata)
    backup = await client.backups.UploadBackup(
        iter([backup_pb2.UploadBackupRequest(file=HttpBody(data=BACKUP))]), metadata=metadata
    )
    endpoint = await client.push.RegisterEndpoint(Device(PUSH_URL).request(), metadata=metadata)
    return Things(
        owner,
        username,
        await client.new_secret(owner),
        item.id,
        workout.id,
        key.id,
        sessions.sessions[-1].id,
        backup.id,
        message.id,
        endpoint.id,
        text_of(await challenge_of(database, UUID(endpoint.id))),
    )


async def _ended(owner: User, client: Client) -> auth_pb2.Tokens:
    tokens = await client.login(owner)
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=tokens.refresh_token))
    return tokens


class TestAuthorization:
    def test_table_lists_every_method(self) -> None:
        assert TABLE.keys() == METHODS.keys()
        assert REQUESTS.keys() == METHODS.keys()

    @pytest.mark.parametrize("proof", ["token", "password"])
    @pytest.mark.parametrize("caller", CALLERS[:-1])
    async def test_others_get_expected_codes_and_change_nothing(
        self, probe: Probe, scene: Scene, database: asyncpg.Connection, caller: str, proof: str
    ) -> None:
        names = _names(proof, probe)
        before = await rows_of(scene.things.owner, database)
        calls = [await scene.call_of(caller, proof, name) for name in names]
        codes = await asyncio.gather(*[probe.code(*call) for call in calls])
        assert dict(zip(names, codes, strict=True)) == _column(caller, names)
        # Anybody may add a message to the inbox. Nothing may be removed or changed.
        assert before - await rows_of(scene.things.owner, database) == set()

    @pytest.mark.parametrize("proof", ["token", "password"])
    async def test_owner_gets_expected_codes(self, probe: Probe, scene: Scene, proof: str) -> None:
        names = _names(proof, probe)
        codes = {}
        for name in names:
            codes[name] = await probe.code(*await scene.call_of("owner", proof, name))
        assert codes == _column("owner", names)

    @pytest.mark.parametrize(
        "name",
        [
            "WorkoutService.ListWorkouts",
            "WorkoutService.ListWorkoutChanges",
            "WorkoutService.GetWorkoutStats",
            "WorkoutService.ExportWorkouts",
            "ExerciseService.ListExercises",
            "ExerciseService.ListRecords",
            "AuthService.ExportAccount",
            "AuthService.ListAccessKeys",
            "PushService.ListEndpoints",
        ],
    )
    async def test_methods_without_an_id_return_only_own_data(
        self, stack: Stack, scene: Scene, name: str
    ) -> None:
        async with aio.insecure_channel(stack.address) as channel:
            mine = await responses_of(channel, *await scene.call_of("owner", "token", name))
            others = await responses_of(channel, *await scene.call_of("other user", "token", name))
        assert "Canary" in repr(mine)
        assert "Canary" not in repr(others)


def _names(proof: str, probe: Probe) -> list[str]:
    if proof == "password":
        return [name for name in TABLE if authentication_of(METHODS[name]).scheme == PASSWORD]
    return [name for name in TABLE if isinstance(probe, GrpcProbe) or name not in WITHOUT_A_PATH]


def _column(caller: str, names: list[str]) -> dict[str, StatusCode]:
    return {name: TABLE[name][CALLERS.index(caller)] for name in names}

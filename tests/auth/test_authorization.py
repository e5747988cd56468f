"""Who may do what: each method of the contract, called by everybody there is.

- nobody says nothing of who they are;
- somebody else is another user, who goes for this user's things, by their id;
- who was shut out has a session that has ended, or a password that is wrong;
- the owner is this user.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio
from gymlocker.v2 import (
    ai_pb2,
    auth_pb2,
    event_pb2,
    follow_pb2,
    inbox_pb2,
    share_pb2,
    system_pb2,
    user_pb2,
    workout_pb2,
)

from server.demo.transport import CallError, Metadata, RestTransport
from tests.auth.calling import PASSWORD, authentication_of, code_of, replies_of
from tests.feed.client import (
    Client,
    User,
    bearer,
    contract_methods,
    event_of,
    follow,
    item_of,
    update_of,
    with_password,
)
from tests.feed.users import UserPool
from tests.house import House

OK = StatusCode.OK
INVALID = StatusCode.INVALID_ARGUMENT
REFUSED = StatusCode.UNAUTHENTICATED
NOT_FOUND = StatusCode.NOT_FOUND
TAKEN = StatusCode.ALREADY_EXISTS

CALLERS = ("nobody", "somebody else", "who was shut out", "the owner")

# What each method answers to each of CALLERS. The owner's last three end what they use.
TABLE: dict[str, tuple[StatusCode, StatusCode, StatusCode, StatusCode]] = {
    "SystemService.GetHealth": (OK, OK, OK, OK),
    "UserService.CreateUser": (OK, OK, OK, OK),
    "UserService.GetUser": (OK, OK, OK, OK),
    "UserService.GetUsers": (OK, OK, OK, OK),
    "UserService.UpdateUser": (INVALID, REFUSED, REFUSED, OK),
    "EventService.PutEvent": (INVALID, REFUSED, REFUSED, OK),
    "EventService.GetEvents": (OK, OK, OK, OK),
    "FollowService.PutFollowSecret": (INVALID, REFUSED, REFUSED, OK),
    "FollowService.DeleteFollowSecret": (INVALID, REFUSED, REFUSED, OK),
    "InboxService.PutInboxMessage": (OK, OK, OK, OK),
    "InboxService.GetInboxMessages": (INVALID, REFUSED, REFUSED, OK),
    "ShareService.CreateSharedItem": (INVALID, REFUSED, REFUSED, OK),
    "ShareService.GetSharedItem": (OK, OK, OK, OK),
    # Those who have no session yet. A refresh token opens its own session, whoever sends it.
    "AuthService.Register": (TAKEN, TAKEN, TAKEN, TAKEN),
    "AuthService.Login": (INVALID, REFUSED, REFUSED, OK),
    "AuthService.RefreshToken": (INVALID, OK, REFUSED, OK),
    "AuthService.Logout": (INVALID, OK, OK, OK),
    "AuthService.GetMe": (REFUSED, OK, REFUSED, OK),
    "AuthService.ClaimUsername": (REFUSED, TAKEN, REFUSED, OK),
    "WorkoutService.CreateWorkout": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.GetWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    "WorkoutService.ListWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.GetWorkoutStats": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.ExportWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.ImportWorkouts": (REFUSED, OK, REFUSED, OK),
    "WorkoutService.UpdateWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    "WorkoutService.DeleteWorkout": (REFUSED, NOT_FOUND, REFUSED, OK),
    # For buyers alone: no session of anybody opens these. (What buyers get is in tests/ai.)
    "AiService.GenerateWorkoutPlan": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.GenerateSession": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.Chat": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.StreamChat": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AiService.GetQuota": (REFUSED, REFUSED, REFUSED, REFUSED),
    "AuthService.ChangePassword": (REFUSED, REFUSED, REFUSED, OK),
    "UserService.DeleteUser": (INVALID, REFUSED, REFUSED, OK),
}
METHODS = {f"{m.containing_service.name}.{m.name}": m for m in contract_methods()}
# Calls with a session that no call before or beside it should end.
ENDS_A_SESSION = ("AuthService.RefreshToken", "AuthService.Logout", "UserService.DeleteUser")
CODES = {code.value[0]: code for code in StatusCode}
FILE = b"date,type,duration\n2026-02-08,Rowing,20\n"
TABLES = (
    "user_events",
    "user_follow_secrets",
    "user_inbox_items",
    "shared_items",
    "workouts",
)


@dataclass(frozen=True)
class Things:
    """What the owner has, and what the caller says of themselves."""

    owner: User
    username: str
    secret: str
    item_id: str
    workout_id: str
    # The caller's own.
    password: str = ""
    refresh_token: str = ""
    # The owner's id; with the caller's password where that is to prove who they are.
    who: User = field(default_factory=User)


REQUESTS: dict[str, Callable[[Things], Message]] = {
    "SystemService.GetHealth": lambda things: system_pb2.GetHealthRequest(),
    "UserService.CreateUser": lambda things: user_pb2.CreateUserRequest(),
    "UserService.GetUser": lambda things: user_pb2.GetUserRequest(id_or_lookup=things.owner.lookup),
    "UserService.GetUsers": lambda things: user_pb2.GetUsersRequest(ids=[things.owner.id]),
    "UserService.UpdateUser": lambda things: update_of(things.who),
    "UserService.DeleteUser": lambda things: user_pb2.DeleteUserRequest(
        id=things.who.id, password=things.who.password
    ),
    "EventService.PutEvent": lambda things: event_of(things.who),
    "EventService.GetEvents": lambda things: event_pb2.GetEventsRequest(
        users=[follow(things.owner.id, things.secret)]
    ),
    "FollowService.PutFollowSecret": lambda things: follow_pb2.PutFollowSecretRequest(
        user_id=things.who.id, password=things.who.password, follow_secret="new secret"
    ),
    "FollowService.DeleteFollowSecret": lambda things: follow_pb2.DeleteFollowSecretRequest(
        user_id=things.who.id, password=things.who.password, follow_secret=things.secret
    ),
    "InboxService.PutInboxMessage": lambda things: inbox_pb2.PutInboxMessageRequest(
        to_user_id=things.owner.id, encrypted_message=[b"message"]
    ),
    "InboxService.GetInboxMessages": lambda things: inbox_pb2.GetInboxMessagesRequest(
        user_id=things.who.id, password=things.who.password
    ),
    "ShareService.CreateSharedItem": lambda things: item_of(things.who),
    "ShareService.GetSharedItem": lambda things: share_pb2.GetSharedItemRequest(id=things.item_id),
    "AuthService.Register": lambda things: auth_pb2.RegisterRequest(
        username=things.username, password="password"
    ),
    "AuthService.Login": lambda things: auth_pb2.LoginRequest(
        username=things.username, password=things.password
    ),
    "AuthService.RefreshToken": lambda things: auth_pb2.RefreshTokenRequest(
        refresh_token=things.refresh_token
    ),
    "AuthService.Logout": lambda things: auth_pb2.LogoutRequest(refresh_token=things.refresh_token),
    "AuthService.GetMe": lambda things: auth_pb2.GetMeRequest(),
    "AuthService.ClaimUsername": lambda things: auth_pb2.ClaimUsernameRequest(
        username=things.username
    ),
    # Even somebody who has found out the owner's password needs the owner's session.
    "AuthService.ChangePassword": lambda things: auth_pb2.ChangePasswordRequest(
        current_password=things.owner.password, new_password=things.owner.password
    ),
    "WorkoutService.CreateWorkout": lambda things: workout_pb2.CreateWorkoutRequest(
        date="2026-02-07", type="Running", duration=30
    ),
    "WorkoutService.GetWorkout": lambda things: workout_pb2.GetWorkoutRequest(id=things.workout_id),
    "WorkoutService.ListWorkouts": lambda things: workout_pb2.ListWorkoutsRequest(),
    "WorkoutService.GetWorkoutStats": lambda things: workout_pb2.GetWorkoutStatsRequest(),
    "WorkoutService.ExportWorkouts": lambda things: workout_pb2.ExportWorkoutsRequest(),
    "WorkoutService.ImportWorkouts": lambda things: workout_pb2.ImportWorkoutsRequest(
        file=HttpBody(data=FILE)
    ),
    "WorkoutService.UpdateWorkout": lambda things: workout_pb2.UpdateWorkoutRequest(
        id=things.workout_id,
        replacement=workout_pb2.WorkoutReplacement(date="2026-02-07", type="Yoga", duration=60),
    ),
    "WorkoutService.DeleteWorkout": lambda things: workout_pb2.DeleteWorkoutRequest(
        id=things.workout_id
    ),
    "AiService.GenerateWorkoutPlan": lambda things: ai_pb2.GenerateWorkoutPlanRequest(),
    "AiService.GenerateSession": lambda things: ai_pb2.GenerateSessionRequest(),
    "AiService.Chat": lambda things: ai_pb2.ChatRequest(),
    "AiService.StreamChat": lambda things: ai_pb2.StreamChatRequest(),
    "AiService.GetQuota": lambda things: ai_pb2.GetQuotaRequest(),
}
# Over gRPC alone.
WITHOUT_A_PATH = {"AiService.Chat"}


class Way(Protocol):
    """A way to call."""

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        """How a call ends."""


@dataclass(frozen=True)
class GrpcWay:
    channel: aio.Channel

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        return await code_of(self.channel, method, request, metadata)


@dataclass(frozen=True)
class RestWay:
    transport: RestTransport
    http: httpx2.AsyncClient

    async def code(
        self, method: MethodDescriptor, request: Message, metadata: Metadata
    ) -> StatusCode:
        if method.client_streaming or method.server_streaming:
            return await self._code_of_a_file(method.name, dict(metadata))
        try:
            await self.transport.call(method, request, metadata=metadata)
        except CallError as error:
            return error.code
        return OK

    async def _code_of_a_file(self, name: str, headers: dict[str, str]) -> StatusCode:
        # Where a stream over gRPC is a file over HTTP.
        if name == "ExportWorkouts":
            response = await self.http.get("/workouts/export", headers=headers)
        elif name == "StreamChat":
            response = await self.http.post("/ai/chat", headers=headers, json={})
        else:
            assert name == "ImportWorkouts", f"how {name} is called over HTTP is missing here"
            response = await self.http.post("/workouts/import", headers=headers, content=FILE)
        return OK if response.status_code == 200 else CODES[response.json()["code"]]


@pytest.fixture(params=["grpc", "rest"])
async def way(
    house: House, rest: httpx2.AsyncClient, request: pytest.FixtureRequest
) -> AsyncIterator[Way]:
    if request.param == "grpc":
        async with aio.insecure_channel(house.address) as channel:
            yield GrpcWay(channel)
    else:
        transport = RestTransport(house.url)
        yield RestWay(transport, rest)
        await transport.close()


@dataclass(frozen=True)
class Scene:
    """An owner and somebody else, and the stubs to prepare calls with."""

    client: Client
    things: Things
    other: User
    owners: auth_pb2.Tokens
    others: auth_pb2.Tokens
    ended: auth_pb2.Tokens

    async def call_of(
        self, caller: str, proof: str, name: str
    ) -> tuple[MethodDescriptor, Message, Metadata]:
        """The call of one method by one of CALLERS, who proves by `proof` who they are."""
        password, tokens = self._credentials(caller)
        if tokens.access_token and name in ENDS_A_SESSION:
            user = self.other if caller == "somebody else" else self.things.owner
            tokens = tokens if tokens is self.ended else await self.client.login(user)
        who = with_password(self.things.owner, password if proof == "password" else "")
        things = replace(
            self.things, password=password, refresh_token=tokens.refresh_token, who=who
        )
        metadata = bearer(tokens) if proof == "token" and tokens.access_token else []
        return METHODS[name], REQUESTS[name](things), metadata

    def _credentials(self, caller: str) -> tuple[str, auth_pb2.Tokens]:
        credentials = {
            "nobody": ("", auth_pb2.Tokens()),
            "somebody else": (self.other.password, self.others),
            "who was shut out": ("wrong password", self.ended),
            "the owner": (self.things.owner.password, self.owners),
        }
        return credentials[caller]


@pytest.fixture
async def scene(house: House, user_pool: UserPool, database: asyncpg.Connection) -> Any:
    async with aio.insecure_channel(house.address) as channel:
        client = Client(channel)
        owner = await user_pool.take(database, client.created_user)
        other = await user_pool.take(database, client.created_user)
        yield Scene(
            client,
            await _things_of(owner, client),
            other,
            owners=await client.login(owner),
            others=await client.login(other),
            ended=await _ended(owner, client),
        )
        user_pool.give_back([owner, other])


async def _things_of(owner: User, client: Client) -> Things:
    metadata = bearer(await client.login(owner))
    username = f"owner {uuid4().hex}"
    await client.accounts.ClaimUsername(
        auth_pb2.ClaimUsernameRequest(username=username), metadata=metadata
    )
    workout = await client.workouts.CreateWorkout(
        workout_pb2.CreateWorkoutRequest(date="2026-02-06", type="Canary", duration=30),
        metadata=metadata,
    )
    await client.events.PutEvent(event_of(owner))
    await client.send(owner.id, b"message")
    item = await client.shares.CreateSharedItem(item_of(owner))
    return Things(owner, username, await client.new_secret(owner), item.id, workout.id)


async def _ended(owner: User, client: Client) -> auth_pb2.Tokens:
    tokens = await client.login(owner)
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=tokens.refresh_token))
    return tokens


def test_every_method_stands_in_the_table() -> None:
    assert TABLE.keys() == METHODS.keys()
    assert REQUESTS.keys() == METHODS.keys()


@pytest.mark.parametrize("proof", ["token", "password"])
@pytest.mark.parametrize("caller", CALLERS[:-1])
async def test_who_is_not_the_owner_gets_what_the_table_says_and_changes_nothing(
    way: Way, scene: Scene, database: asyncpg.Connection, caller: str, proof: str
) -> None:
    names = _names(proof, way)
    before = await _everything_of(scene.things.owner, database)
    calls = [await scene.call_of(caller, proof, name) for name in names]
    codes = await asyncio.gather(*[way.code(*call) for call in calls])
    assert dict(zip(names, codes, strict=True)) == _column(caller, names)
    # Anybody may add a message to the inbox; nobody takes one out.
    assert before - await _everything_of(scene.things.owner, database) == set()


@pytest.mark.parametrize("proof", ["token", "password"])
async def test_the_owner_gets_what_the_table_says(way: Way, scene: Scene, proof: str) -> None:
    names = _names(proof, way)
    codes = {}
    for name in names:
        codes[name] = await way.code(*await scene.call_of("the owner", proof, name))
    assert codes == _column("the owner", names)


@pytest.mark.parametrize("name", ["ListWorkouts", "GetWorkoutStats", "ExportWorkouts"])
async def test_what_is_read_without_an_id_is_ones_own_alone(
    house: House, scene: Scene, name: str
) -> None:
    name = f"WorkoutService.{name}"
    async with aio.insecure_channel(house.address) as channel:
        mine = await replies_of(channel, *await scene.call_of("the owner", "token", name))
        others = await replies_of(channel, *await scene.call_of("somebody else", "token", name))
    assert "Canary" in repr(mine)
    assert "Canary" not in repr(others)


def _names(proof: str, way: Way) -> list[str]:
    if proof == "password":
        return [name for name in TABLE if authentication_of(METHODS[name]).scheme == PASSWORD]
    return [name for name in TABLE if isinstance(way, GrpcWay) or name not in WITHOUT_A_PATH]


def _column(caller: str, names: list[str]) -> dict[str, StatusCode]:
    return {name: TABLE[name][CALLERS.index(caller)] for name in names}


async def _everything_of(user: User, database: asyncpg.Connection) -> set[tuple[object, ...]]:
    rows = await database.fetch("SELECT * FROM users WHERE id = $1", UUID(user.id))
    for table in TABLES:
        rows += await database.fetch(f"SELECT * FROM {table} WHERE user_id = $1", UUID(user.id))
    return {tuple(map(str, row)) for row in rows}

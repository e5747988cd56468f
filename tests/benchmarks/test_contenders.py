"""Contenders of the benchmarks: they must do the same work as Gymlocker.

Each receives the requests of the workloads, and so does a Gymlocker stack on the same database.
Their messages over gRPC and their JSON over REST must be equal.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode, aio
from gymlocker.v2 import (
    auth_pb2,
    auth_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    inbox_pb2,
    inbox_pb2_grpc,
    user_pb2,
    user_pb2_grpc,
)

from benchmarks.seed import Person, Seeded, seed
from server.programs.local.temporary_postgres import TemporaryPostgres
from tests.benchmarks.running import (
    FLOOR,
    GRPC_CONTENDERS,
    REST_CONTENDERS,
    running,
)
from tests.support.stack import Stack

pytestmark = pytest.mark.extended

EXPIRY = Timestamp(seconds=4_000_000_000)
SOON = Timestamp(seconds=int(time.time()) + 86_400)
PATHS = {
    "GetUser": ("GET", "/user/{id_or_lookup}"),
    "GetUsers": ("POST", "/users"),
    "PutEvent": ("PUT", "/event"),
    "GetEvents": ("POST", "/events"),
    "PutInboxMessage": ("PUT", "/inbox"),
    "GetInboxMessages": ("POST", "/inbox"),
    "Login": ("POST", "/auth/login"),
    "RefreshToken": ("POST", "/auth/refresh"),
}

Response = dict[str, Any]
Call = Callable[[str, Message], Awaitable[Response]]


@dataclass
class Pair:
    """A contender and the stack, called in the same way."""

    contender: Call
    stack: Call

    async def call(self, method: str, request: Message) -> tuple[Response, Response]:
        """Return the response of each."""
        return await self.contender(method, request), await self.stack(method, request)


@pytest.fixture(scope="session")
def seeded(stack: Stack, postgres: TemporaryPostgres) -> Seeded:
    """Return the data that requests refer to."""
    return asyncio.run(seed(postgres.url(), people=5, followed=3, events=3))


async def check_profiles(pair: Pair, seeded: Seeded) -> None:
    person = seeded.people[0]
    for name in (person.id, person.lookup):
        mine, ours = await pair.call("GetUser", user_pb2.GetUserRequest(id_or_lookup=name))
        assert mine == ours
        assert mine["id"] == person.id
    ids = [person.id for person in seeded.people]
    request = user_pb2.GetUsersRequest(ids=[*ids, str(uuid4())])
    mine, ours = await pair.call("GetUsers", request)
    assert mine == ours
    assert mine["users"].keys() == set(ids)


async def check_feed(pair: Pair, seeded: Seeded) -> None:
    request = event_pb2.GetEventsRequest()
    for followed in seeded.followed[:2]:
        request.users.add(user_id=followed.id, follow_secret=followed.secret)
    request.users.add(user_id=seeded.people[0].id, follow_secret="nobody's")
    everything, ours = await pair.call("GetEvents", request)
    assert in_order(everything) == in_order(ours)
    assert len(everything["events"]) == 6
    assert everything["invalidFollowSecrets"] == ["nobody's"]
    request.users[0].since.FromJsonString(everything["events"][-1]["timestamp"])
    some, ours = await pair.call("GetEvents", request)
    assert in_order(some) == in_order(ours)
    assert len(some["events"]) == 3


async def check_publishing(pair: Pair, seeded: Seeded) -> None:
    # A feed whose events no other check counts.
    author = seeded.followed[2]
    request = event_pb2.PutEventRequest(
        user_id=author.id,
        password=seeded.password,
        event_id=str(uuid4()),
        encrypted_event_payload=b"first",
        encrypted_event_iv=b"iv",
        expiry=SOON,
    )
    feed = event_pb2.GetEventsRequest(
        users=[event_pb2.FollowedUser(user_id=author.id, follow_secret=author.secret)]
    )
    versions = []
    # Each replaces the event of the other and makes it the newest: they share the clock.
    for put, payload in ((pair.stack, b"ours"), (pair.contender, b"its"), (pair.stack, b"ours")):
        request.encrypted_event_payload = payload
        assert await put("PutEvent", request) == {}
        newest = (await pair.stack("GetEvents", feed))["events"][-1]
        assert newest["eventId"] == request.event_id
        versions.append(newest)
    first, its, last = versions
    assert first["timestamp"] < its["timestamp"] < last["timestamp"]
    differing = {"timestamp", "encryptedEventPayload"}
    assert {key for key in first if first[key] != its[key]} == differing
    assert {key for key in first if first[key] != last[key]} == {"timestamp"}


async def check_inbox(pair: Pair, seeded: Seeded) -> None:
    reader = seeded.people[1]
    take = inbox_pb2.GetInboxMessagesRequest(user_id=reader.id, password=seeded.password)
    put = inbox_pb2.PutInboxMessageRequest(to_user_id=reader.id)
    for sender, taker in ((pair.stack, pair.contender), (pair.contender, pair.stack)):
        for chunks in ([b"a", b""], [b"b"]):
            put.encrypted_message[:] = chunks
            assert await sender("PutInboxMessage", put) == {}
        messages = (await taker("GetInboxMessages", take))["inboxMessages"]
        assert [message["encryptedMessage"] for message in messages] == [["YQ==", ""], ["Yg=="]]
        assert messages[0].keys() == {"id", "encryptedMessage"}
    assert await pair.contender("GetInboxMessages", take) == {"inboxMessages": []}


async def check_login(pair: Pair, seeded: Seeded) -> None:
    for name in names(seeded.people[2]):
        request = auth_pb2.LoginRequest(username=name, password=seeded.password)
        mine, ours = await pair.call("Login", request)
        assert mine.keys() == ours.keys()
        assert {key for key in mine if mine[key] != ours[key]} == {"access_token", "refresh_token"}
        # The stack accepts the session of the contender.
        refresh = auth_pb2.RefreshTokenRequest(refresh_token=mine["refresh_token"])
        assert (await pair.stack("RefreshToken", refresh)).keys() == mine.keys()


async def check_errors(socket: Path, stack: Stack, seeded: Seeded) -> None:
    """Compare the peer's error responses with those of the stack."""
    person = seeded.people[0]
    who = {"userId": person.id, "password": "wrong"}
    nobody = {"userId": str(uuid4()), "password": "wrong"}
    event = {
        "eventId": str(uuid4()),
        "encryptedEventPayload": "YQ==",
        "encryptedEventIV": "YQ==",
        "expiry": "2999-12-31T23:59:59Z",
    }
    requests: list[tuple[str, str, Response | None]] = [
        ("GET", "/v2/user/nobody", None),
        ("POST", "/inbox", who),
        ("PUT", "/event", {**event, **nobody}),
        ("PUT", "/inbox", {"encryptedMessage": ["YQ=="], "toUserId": nobody["userId"]}),
        ("POST", "/auth/login", {"username": person.username, "password": "wrong"}),
    ]
    async with http_over(socket) as contender, http_to(stack) as ours:
        for verb, path, body in requests:
            rejected = await ours.request(verb, path, json=body)
            assert rejected.status_code in (401, 404)
            mine = await contender.request(verb, path, json=body)
            assert (mine.status_code, mine.json()) == (rejected.status_code, rejected.json())
        oversized = {**event, **who, "encryptedEventPayload": "AAAA" * 5_121}
        for client in (ours, contender):
            rejected = await client.put("/event", json=oversized)
            assert rejected.status_code == 400
            assert len(rejected.json()["details"][1]["fieldViolations"]) == 1


async def check_wrong_password(name: str, pair: Pair, seeded: Seeded) -> None:
    """Check that only the negative control among the floors checks passwords."""
    wrong = inbox_pb2.GetInboxMessagesRequest(user_id=seeded.people[3].id, password="wrong")
    if name == FLOOR:
        assert await pair.contender("GetInboxMessages", wrong) == {"inboxMessages": []}
        return
    with pytest.raises(aio.AioRpcError) as rejected:
        await pair.contender("GetInboxMessages", wrong)
    assert rejected.value.code() == StatusCode.UNKNOWN
    assert "PermissionError" in (rejected.value.details() or "")


@asynccontextmanager
async def both(name: str, socket: Path, stack: Stack) -> AsyncIterator[Pair]:
    """Connect to the contender at a socket and to the stack."""
    if name in GRPC_CONTENDERS:
        async with (
            aio.insecure_channel(f"unix:{socket}") as contender,
            aio.insecure_channel(stack.address) as ours,
        ):
            yield Pair(calls_of(contender), calls_of(ours))
    else:
        async with http_over(socket) as client, http_to(stack) as to_stack:
            yield Pair(requests_of(client), requests_of(to_stack))


def http_to(stack: Stack) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=stack.url, verify=False, timeout=30)


def http_over(socket: Path) -> httpx2.AsyncClient:
    transport = httpx2.AsyncHTTPTransport(uds=str(socket), verify=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://contender", timeout=30)


def calls_of(channel: aio.Channel) -> Call:
    """Return a function that calls over gRPC and converts responses to JSON."""
    stubs: list[Any] = [
        user_pb2_grpc.UserServiceStub(channel),
        event_pb2_grpc.EventServiceStub(channel),
        inbox_pb2_grpc.InboxServiceStub(channel),
        auth_pb2_grpc.AuthServiceStub(channel),
    ]

    async def call(method: str, request: Message) -> Response:
        invoke = next(getattr(stub, method) for stub in stubs if hasattr(stub, method))
        return as_json(await invoke(request, timeout=30))

    return call


def requests_of(client: httpx2.AsyncClient) -> Call:
    """Return a function that calls over REST."""

    async def call(method: str, request: Message) -> Response:
        verb, path = PATHS[method]
        body = as_json(request)
        if verb == "GET":
            path, body = path.replace("{id_or_lookup}", body["idOrLookup"]), {}
        response = await client.request(verb, path, json=body or None)
        assert response.status_code == 200, response.text
        decoded: Response = response.json()
        return decoded

    return call


def as_json(message: Message) -> Response:
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def in_order(feed: Response) -> Response:
    """Sort a feed: events with equal timestamps have no defined order.

    Contenders, like LiftLog's server, have no cursors.
    """
    key = "timestamp", "eventId"
    events = sorted(feed["events"], key=lambda event: [event[part] for part in key])
    return {"events": events, "invalidFollowSecrets": feed["invalidFollowSecrets"]}


def names(person: Person) -> tuple[str, str, str]:
    return person.id, person.lookup, person.username


@pytest.mark.parametrize("name", [*GRPC_CONTENDERS, *REST_CONTENDERS])
async def test_contender_does_the_same_work(
    name: str, seeded: Seeded, stack: Stack, postgres: TemporaryPostgres, tmp_path: Path
) -> None:
    socket = tmp_path / "socket"
    async with (
        running(name, listen=f"unix:{socket}", database=postgres.url()),
        both(name, socket, stack) as pair,
    ):
        # In one test: starting a contender takes longer than all checks.
        await check_profiles(pair, seeded)
        await check_feed(pair, seeded)
        await check_publishing(pair, seeded)
        await check_inbox(pair, seeded)
        await check_login(pair, seeded)
        if name in REST_CONTENDERS:
            await check_errors(socket, stack, seeded)
        else:
            await check_wrong_password(name, pair, seeded)

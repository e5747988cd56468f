"""Requests to the contenders, over gRPC and REST."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from gymlocker.v2 import auth_pb2, event_pb2, inbox_pb2, user_pb2

from benchmarks.h2load import Request, Shape
from benchmarks.seed import EVENT_BYTES, IV_BYTES, KEY_BYTES, Person, Seeded
from benchmarks.servers import (
    FLOOR,
    FLOOR_REST,
    IN_LOOP,
    OURS,
    OURS_ENVOY,
    OURS_REST,
    PEER_BARE,
    PEER_CORE,
    PEER_ORM,
    UNCHECKED,
)

PICTURE_BYTES = 2_000 * 1024

# 32 calls are in flight at any time, with every shape.
CONCURRENCY, LOGINS = 32, 8
MULTIPLEXED = Shape(connections=4, concurrency=8)
SEPARATE = Shape(connections=CONCURRENCY, concurrency=1)
SINGLE = Shape(connections=1, concurrency=1)

_ALL = (
    OURS, OURS_ENVOY, OURS_REST, FLOOR, FLOOR_REST, PEER_ORM, PEER_CORE, PEER_BARE,
)  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """A kind of call. The `requests` of a protocol are sent in parallel.

    Requests that write have a user each, so that no row has concurrent writers.
    """

    name: str
    requests: Mapping[str, Sequence[Request]]
    contenders: Sequence[str] = _ALL
    fixed_response: bool = True
    # Requests are sent in turns instead of in parallel.
    mixed: bool = False

    def shape(self, protocol: str) -> Shape:
        """Return the connections and concurrency of the load."""
        if len(self.requests[protocol]) > 1:
            return SINGLE
        return MULTIPLEXED if protocol == "grpc" else SEPARATE


def workloads(seeded: Seeded) -> list[Workload]:
    """Return all workloads."""
    writers = seeded.people[:CONCURRENCY]
    reader = seeded.people[-1]
    logins = [
        auth_pb2.LoginRequest(username=each.username, password=seeded.password)
        for each in writers[:LOGINS]
    ]
    ids = [person.id for person in seeded.people[:200]]
    followed = [
        event_pb2.FollowedUser(user_id=each.id, follow_secret=each.secret)
        for each in seeded.followed
    ]
    return [
        Workload(
            "GetUser",
            {
                "grpc": [get_user(reader)],
                "rest": [Request("rest", f"/v2/user/{reader.id}", verb="GET")],
            },
        ),
        Workload(
            "GetUsers of 200",
            _both("UserService/GetUsers", "/v2/users", user_pb2.GetUsersRequest(ids=ids)),
        ),
        Workload(
            "GetEvents of 20 people with 20 events of 4 KiB",
            _both(
                "EventService/GetEvents", "/v2/events", event_pb2.GetEventsRequest(users=followed)
            ),
        ),
        Workload(
            "PutEvent with the password",
            put_events(seeded),
            (*_ALL, UNCHECKED, IN_LOOP),
        ),
        Workload(
            "PutInboxMessage",
            _each(
                "InboxService/PutInboxMessage",
                "/v2/inbox",
                [_inbox_message(each) for each in writers],
            ),
        ),
        Workload(
            "GetInboxMessages of an empty inbox",
            _both(
                "InboxService/GetInboxMessages",
                "/v2/inbox",
                inbox_pb2.GetInboxMessagesRequest(user_id=reader.id, password=seeded.password),
            ),
        ),
        Workload(
            "Login with a remembered password",
            _each("AuthService/Login", "/v2/auth/login", logins, "POST"),
            fixed_response=False,
        ),
        Workload(
            "An evening, over REST",
            {"rest": _evening(writers, ids, followed, seeded)},
            (OURS_REST, FLOOR_REST, PEER_ORM, PEER_CORE, PEER_BARE),
            fixed_response=False,
            mixed=True,
        ),
    ]


def put_events(seeded: Seeded) -> dict[str, list[Request]]:
    """Return a PutEvent of each writer, by protocol."""
    writers = seeded.people[:CONCURRENCY]
    return _each("EventService/PutEvent", "/v2/event", [_event(each, seeded) for each in writers])


def get_user(person: Person) -> Request:
    """Return the small call whose latency is measured."""
    return grpc_request("UserService/GetUser", user_pb2.GetUserRequest(id_or_lookup=person.id))


def log_in(person: Person, password: str) -> Request:
    """Return the call that hashes a password."""
    return grpc_request(
        "AuthService/Login", auth_pb2.LoginRequest(username=person.username, password=password)
    )


def replace_picture(person: Person, password: str) -> Request:
    """Return the largest call."""
    return grpc_request(
        "UserService/UpdateUser",
        user_pb2.UpdateUserRequest(
            id=person.id,
            password=password,
            encrypted_profile_picture=bytes(PICTURE_BYTES),
            encryption_iv=bytes(IV_BYTES),
            rsa_public_key=bytes(KEY_BYTES),
        ),
    )


def _evening(
    people: Sequence[Person],
    ids: Sequence[str],
    followed: Sequence[event_pb2.FollowedUser],
    seeded: Seeded,
) -> list[Request]:
    """Return the calls of the apps on an evening: mostly polling, and a published workout each."""
    yesterday = Timestamp()
    yesterday.FromDatetime(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=36))
    recent = [
        event_pb2.FollowedUser(
            user_id=each.user_id, follow_secret=each.follow_secret, since=yesterday
        )
        for each in followed
    ]
    friends = user_pb2.GetUsersRequest(ids=ids[: len(recent)])
    requests = []
    for person in people:
        inbox = inbox_pb2.GetInboxMessagesRequest(user_id=person.id, password=seeded.password)
        opened = [
            _rest("/v2/events", event_pb2.GetEventsRequest(users=recent), "POST"),
            _rest("/v2/users", friends, "POST"),
            _rest("/v2/inbox", inbox, "POST"),
        ]
        requests += [
            *opened,
            opened[0],
            opened[0],
            _rest("/v2/event", _event(person, seeded), "PUT"),
            Request("rest", f"/v2/user/{person.id}", verb="GET"),
            _rest("/v2/inbox", _inbox_message(person), "PUT"),
        ]
    return requests


def _event(person: Person, seeded: Seeded) -> event_pb2.PutEventRequest:
    expiry = Timestamp()
    expiry.FromDatetime(datetime.now(UTC).replace(microsecond=0) + timedelta(days=90))
    return event_pb2.PutEventRequest(
        user_id=person.id,
        password=seeded.password,
        event_id=str(uuid4()),
        encrypted_event_payload=bytes(EVENT_BYTES),
        encrypted_event_iv=b"i" * IV_BYTES,
        expiry=expiry,
    )


def _inbox_message(person: Person) -> inbox_pb2.PutInboxMessageRequest:
    return inbox_pb2.PutInboxMessageRequest(to_user_id=person.id, encrypted_message=[bytes(300)])


def _both(method: str, path: str, message: Message, verb: str = "POST") -> dict[str, list[Request]]:
    return {"grpc": [grpc_request(method, message)], "rest": [_rest(path, message, verb)]}


def _each(
    method: str, path: str, messages: Sequence[Message], verb: str = "PUT"
) -> dict[str, list[Request]]:
    return {
        "grpc": [grpc_request(method, message) for message in messages],
        "rest": [_rest(path, message, verb) for message in messages],
    }


def grpc_request(method: str, message: Message) -> Request:
    """Return a gRPC request. `method` has the form UserService/GetUser."""
    body = message.SerializeToString()
    return Request("grpc", f"/gymlocker.v2.{method}", struct.pack(">BI", 0, len(body)) + body)


def _rest(path: str, message: Message, verb: str) -> Request:
    return Request("rest", path, json.dumps(MessageToDict(message)).encode(), verb)

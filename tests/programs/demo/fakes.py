"""In-memory server for the demo: gRPC servicers and REST routes over dicts.

It implements the part of the contract that the demo uses. `corrupt` falsifies its responses.
"""

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc
import httpx2
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import aio
from gymlocker.v2 import (
    event_pb2,
    event_pb2_grpc,
    follow_pb2,
    follow_pb2_grpc,
    inbox_pb2,
    inbox_pb2_grpc,
    share_pb2,
    share_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
    user_pb2,
    user_pb2_grpc,
)

AnyMessage = TypeVar("AnyMessage", bound=Message)

# Verb, path without its variable part, service, method, and the field at the end of the path.
# Written by hand from the contract, so that it does not share its source with the transport.
ROUTES = [
    ("GET", "/health", "SystemService", "GetHealth", None),
    ("POST", "/user/create", "UserService", "CreateUser", None),
    ("GET", "/user/", "UserService", "GetUser", "id_or_lookup"),
    ("PUT", "/user", "UserService", "UpdateUser", None),
    ("POST", "/user/delete", "UserService", "DeleteUser", None),
    ("POST", "/users", "UserService", "GetUsers", None),
    ("PUT", "/event", "EventService", "PutEvent", None),
    ("POST", "/events", "EventService", "GetEvents", None),
    ("PUT", "/follow-secret", "FollowService", "PutFollowSecret", None),
    ("POST", "/follow-secret/delete", "FollowService", "DeleteFollowSecret", None),
    ("PUT", "/inbox", "InboxService", "PutInboxMessage", None),
    ("POST", "/inbox", "InboxService", "GetInboxMessages", None),
    ("POST", "/shareditem", "ShareService", "CreateSharedItem", None),
    ("GET", "/shareditem/", "ShareService", "GetSharedItem", "id"),
]


class Refused(Exception):
    """A response with a status other than OK."""

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        info = error_details_pb2.ErrorInfo(reason=reason, domain="gymlocker")
        self.code = code
        self.status = status_pb2.Status(code=code.value[0], message=f"because {reason}")
        self.status.details.add().Pack(info)


class FakeServer:
    """The data, and one method for each RPC.

    `corrupt` receives every response before it is sent and may change it. `called` is set when the
    RPC `awaited` is called.
    """

    def __init__(self) -> None:
        self.users: dict[str, user_pb2.GetUserResponse] = {}
        self.passwords: dict[str, str] = {}
        self.events: dict[str, dict[str, event_pb2.UserEvent]] = {}
        self.secrets: dict[str, set[str]] = {}
        self.inboxes: dict[str, list[inbox_pb2.InboxMessage]] = {}
        self.items: dict[str, tuple[str, share_pb2.EncryptedPayload]] = {}
        self.corrupt: Callable[[Message], None] = lambda response: None
        self.calls: list[str] = []
        self.awaited = ""
        self.called = asyncio.Event()
        self._ticks = 0

    def respond(self, service: str, method: str, request: Any) -> Any:
        """Return the response to a call. Raise Refused."""
        self.calls.append(f"{service}.{method}")
        if method == self.awaited:
            self.called.set()
        response = getattr(self, f"_{method}")(request)
        self.corrupt(response)
        return response

    def _GetHealth(self, request: system_pb2.GetHealthRequest) -> Message:
        return system_pb2.GetHealthResponse(status="ok")

    def _CreateUser(self, request: user_pb2.CreateUserRequest) -> Message:
        user_id, password = str(uuid.uuid4()), str(uuid.uuid4())
        lookup = user_id.replace("-", "")[:12]
        self.users[user_id] = user_pb2.GetUserResponse(id=user_id, lookup=lookup)
        self.passwords[user_id] = password
        self.events[user_id], self.secrets[user_id], self.inboxes[user_id] = {}, set(), []
        return user_pb2.CreateUserResponse(id=user_id, lookup=lookup, password=password)

    def _GetUser(self, request: user_pb2.GetUserRequest) -> Message:
        for user in self.users.values():
            if request.id_or_lookup in (user.id, user.lookup):
                return _copy(user)
        raise Refused(grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")

    def _UpdateUser(self, request: user_pb2.UpdateUserRequest) -> Message:
        self._authenticate(request.id, request.password)
        self.users[request.id] = user_pb2.GetUserResponse(
            id=request.id,
            lookup=self.users[request.id].lookup,
            encrypted_name=request.encrypted_name,
            encrypted_profile_picture=request.encrypted_profile_picture,
            encryption_iv=request.encryption_iv,
            rsa_public_key=request.rsa_public_key,
        )
        return user_pb2.UpdateUserResponse()

    def _DeleteUser(self, request: user_pb2.DeleteUserRequest) -> Message:
        self._authenticate(request.id, request.password)
        del self.users[request.id], self.events[request.id]
        del self.secrets[request.id], self.inboxes[request.id]
        self.items = {key: item for key, item in self.items.items() if item[0] != request.id}
        return user_pb2.DeleteUserResponse()

    def _GetUsers(self, request: user_pb2.GetUsersRequest) -> Message:
        found = {key: self.users[key] for key in request.ids if key in self.users}
        return user_pb2.GetUsersResponse(users=found)

    def _PutEvent(self, request: event_pb2.PutEventRequest) -> Message:
        self._authenticate(request.user_id, request.password)
        self._ticks += 1
        event = event_pb2.UserEvent(
            user_id=request.user_id,
            event_id=request.event_id,
            encrypted_event_payload=request.encrypted_event_payload,
            encrypted_event_iv=request.encrypted_event_iv,
            expiry=request.expiry,
        )
        event.timestamp.FromDatetime(datetime.now(UTC))
        event.timestamp.nanos = self._ticks
        self.events[request.user_id][request.event_id] = event
        return event_pb2.PutEventResponse()

    def _GetEvents(self, request: event_pb2.GetEventsRequest) -> Message:
        response = event_pb2.GetEventsResponse()
        for entry in request.users:
            if entry.follow_secret not in self.secrets.get(entry.user_id, set()):
                response.invalid_follow_secrets.append(entry.follow_secret)
                continue
            since = entry.since.ToNanoseconds() if entry.HasField("since") else -1
            events = self.events[entry.user_id].values()
            newer = [event for event in events if event.timestamp.ToNanoseconds() > since]
            response.events.extend(sorted(newer, key=lambda e: e.timestamp.ToNanoseconds()))
        return response

    def _PutFollowSecret(self, request: follow_pb2.PutFollowSecretRequest) -> Message:
        self._authenticate(request.user_id, request.password)
        self.secrets[request.user_id].add(request.follow_secret)
        return follow_pb2.PutFollowSecretResponse()

    def _DeleteFollowSecret(self, request: follow_pb2.DeleteFollowSecretRequest) -> Message:
        self._authenticate(request.user_id, request.password)
        self.secrets[request.user_id].discard(request.follow_secret)
        return follow_pb2.DeleteFollowSecretResponse()

    def _PutInboxMessage(self, request: inbox_pb2.PutInboxMessageRequest) -> Message:
        message = inbox_pb2.InboxMessage(
            id=str(uuid.uuid4()), encrypted_message=request.encrypted_message
        )
        self.inboxes[request.to_user_id].append(message)
        return inbox_pb2.PutInboxMessageResponse()

    def _GetInboxMessages(self, request: inbox_pb2.GetInboxMessagesRequest) -> Message:
        self._authenticate(request.user_id, request.password)
        messages, self.inboxes[request.user_id] = self.inboxes[request.user_id], []
        return inbox_pb2.GetInboxMessagesResponse(inbox_messages=messages)

    def _CreateSharedItem(self, request: share_pb2.CreateSharedItemRequest) -> Message:
        self._authenticate(request.user_id, request.password)
        item_id = uuid.uuid4().hex[:12]
        self.items[item_id] = (request.user_id, _copy(request.encrypted_payload))
        return share_pb2.CreateSharedItemResponse(id=item_id)

    def _GetSharedItem(self, request: share_pb2.GetSharedItemRequest) -> Message:
        if request.id not in self.items:
            raise Refused(grpc.StatusCode.NOT_FOUND, "SHARED_ITEM_NOT_FOUND")
        user_id, payload = self.items[request.id]
        key = share_pb2.RsaPublicKey(spki_public_key_bytes=self.users[user_id].rsa_public_key)
        return share_pb2.GetSharedItemResponse(rsa_public_key=key, encrypted_payload=payload)

    def _authenticate(self, user_id: str, password: str) -> None:
        if user_id not in self.users:
            raise Refused(grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
        if self.passwords[user_id] != password:
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, "WRONG_PASSWORD")


def grpc_server(fake: FakeServer) -> aio.Server:
    """Return a gRPC server for the fake; the caller adds a port and starts it."""
    server = aio.server()
    for module in (
        event_pb2_grpc,
        follow_pb2_grpc,
        inbox_pb2_grpc,
        share_pb2_grpc,
        system_pb2_grpc,
        user_pb2_grpc,
    ):
        name = next(n for n in vars(module) if n.endswith("Servicer") and not n.startswith("add"))
        getattr(module, f"add_{name}_to_server")(_servicer(fake, name, module), server)
    return server


def rest_transport(fake: FakeServer, prefix: str = "") -> httpx2.MockTransport:
    """Return an HTTP transport to the fake; it serves paths that start with `prefix` only."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if not path.startswith(prefix):
            return httpx2.Response(404, text="no such path")
        return _respond_json(fake, request, path.removeprefix(prefix))

    return httpx2.MockTransport(handle)


def _respond_json(fake: FakeServer, request: httpx2.Request, path: str) -> httpx2.Response:
    found = _route(request.method, path)
    if not found:
        return httpx2.Response(404, text="no such path")
    service, method, field, rest = found
    message = _request_type(service, method)()
    if field:
        setattr(message, field, rest)
    else:
        json_format.ParseDict(json.loads(request.content or "{}"), message)
    try:
        response = fake.respond(service, method, message)
    except Refused as refused:
        pool = error_details_pb2.DESCRIPTOR.pool
        body = json_format.MessageToDict(refused.status, descriptor_pool=pool)
        http_status = {grpc.StatusCode.NOT_FOUND: 404, grpc.StatusCode.UNAUTHENTICATED: 401}
        return httpx2.Response(http_status[refused.code], json=body)
    printed = json_format.MessageToDict(response, always_print_fields_with_no_presence=True)
    return httpx2.Response(200, json=printed)


def _route(verb: str, path: str) -> tuple[str, str, str | None, str] | None:
    """Return service, method, the field in the path and its value."""
    for route_verb, start, service, method, field in ROUTES:
        rest = path.removeprefix(start)
        matches = rest != "" and "/" not in rest if field else rest == ""
        if route_verb == verb and path.startswith(start) and matches:
            return service, method, field, rest
    return None


def _request_type(service: str, method: str) -> Any:
    modules = [event_pb2, follow_pb2, inbox_pb2, share_pb2, system_pb2, user_pb2]
    return next(
        getattr(module, f"{method}Request")
        for module in modules
        if service in module.DESCRIPTOR.services_by_name
    )


def _servicer(fake: FakeServer, name: str, module: Any) -> Any:
    service = name.removesuffix("Servicer")

    def method(method_name: str) -> Any:
        async def respond(_: object, request: Message, context: Any) -> Message:
            try:
                return fake.respond(service, method_name, request)  # type: ignore[no-any-return]
            except Refused as refused:
                details = ("grpc-status-details-bin", refused.status.SerializeToString())
                await context.abort(refused.code, refused.status.message, (details,))
                raise

        return respond

    base = getattr(module, name)
    names = [n for n in vars(base) if not n.startswith("_")]
    return type(f"Fake{name}", (base,), {n: method(n) for n in names})()


def _copy(message: AnyMessage) -> AnyMessage:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy

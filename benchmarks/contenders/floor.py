"""The floor: a server that does the essential work of a call and nothing else.

It consists of grpc.aio, bare asyncpg and Gymlocker's SQL, without interceptors, validation,
passwords, limits or log. It trusts every request, and invalid requests end with UNKNOWN.

With `--passwords loop` it is the negative control: every call with a password hashes it in the
event loop, as the simplest implementation would.
"""

import argparse
import asyncio
import hashlib
import hmac
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp
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

from benchmarks.contenders import statements
from benchmarks.contenders.pool import make_pool
from benchmarks.contenders.sessions import LIFETIME, new_session
from server.libraries.common.text import uuid_in
from server.libraries.rpc.server import STOP_GRACE_SECONDS, make_server
from server.services.credentials.password_hashing import KEY_BYTES, ROUNDS
from server.services.credentials.username import login_keys

UUID_CHARACTERS = 36
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIN_TIME = datetime.min.replace(tzinfo=UTC)


class Users(user_pb2_grpc.UserServiceServicer):
    """Profiles."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def GetUser(
        self, request: user_pb2.GetUserRequest, context: Any
    ) -> user_pb2.GetUserResponse:
        """Return a profile."""
        name = request.id_or_lookup
        by_id = len(name) == UUID_CHARACTERS
        statement = statements.GET_USER if by_id else statements.GET_USER_BY_LOOKUP
        row: Any = await self._pool.fetchrow(statement.sql, name)
        return user_pb2.GetUserResponse(**_profile(row))

    async def GetUsers(
        self, request: user_pb2.GetUsersRequest, context: Any
    ) -> user_pb2.GetUsersResponse:
        """Return several profiles."""
        bound = {"ids": request.ids, "max_bytes": statements.MAX_BYTES}
        rows = await self._pool.fetch(
            statements.GET_USERS.sql, *statements.GET_USERS.arguments(bound)
        )
        response = user_pb2.GetUsersResponse()
        for row in rows:
            profile = _profile(row)
            response.users[profile["id"]].MergeFrom(user_pb2.GetUserResponse(**profile))
        return response


class Events(event_pb2_grpc.EventServiceServicer):
    """Events and feeds."""

    def __init__(self, pool: asyncpg.Pool, passwords: "Passwords") -> None:
        self._pool = pool
        self._passwords = passwords

    async def PutEvent(
        self, request: event_pb2.PutEventRequest, context: Any
    ) -> event_pb2.PutEventResponse:
        """Publish or replace an event."""
        await self._passwords.check(request.user_id, request.password)
        values = {
            "owner_id": request.user_id,
            "event_id": request.event_id,
            "event_expiry": request.expiry.ToDatetime(UTC),
            "payload": request.encrypted_event_payload,
            "size": len(request.encrypted_event_payload),
            "iv": request.encrypted_event_iv,
        }
        put = statements.PUT_EVENT
        await self._pool.fetchrow(put.sql, *put.arguments(values))
        return event_pb2.PutEventResponse()

    async def GetEvents(
        self, request: event_pb2.GetEventsRequest, context: Any
    ) -> event_pb2.GetEventsResponse:
        """Return the events of several feeds."""
        users = request.users
        times = [
            user.since.ToDatetime(UTC) if user.HasField("since") else MIN_TIME for user in users
        ]
        values = {
            "user_ids": [user.user_id for user in users],
            "secrets": [user.follow_secret for user in users],
            "times": times,
            "max_bytes": statements.MAX_BYTES,
        }
        get = statements.GET_EVENTS
        response = event_pb2.GetEventsResponse()
        for row in await self._pool.fetch(get.sql, *get.arguments(values)):
            if row["id"] is not None:
                _add_event(response, row)
            elif not row["valid"]:
                response.invalid_follow_secrets.append(row["secret"])
        return response


class Inboxes(inbox_pb2_grpc.InboxServiceServicer):
    """Inbox messages."""

    def __init__(self, pool: asyncpg.Pool, passwords: "Passwords") -> None:
        self._pool = pool
        self._passwords = passwords

    async def PutInboxMessage(
        self, request: inbox_pb2.PutInboxMessageRequest, context: Any
    ) -> inbox_pb2.PutInboxMessageResponse:
        """Put a message into an inbox."""
        values = {
            "id": uuid4(),
            "owner_id": request.to_user_id,
            "encrypted_message": request.encrypted_message,
            "size": sum(map(len, request.encrypted_message)),
            "network": None,
            "max_messages": 0,
        }
        put = statements.PUT_INBOX
        await self._pool.execute(put.sql, *put.arguments(values))
        return inbox_pb2.PutInboxMessageResponse()

    async def GetInboxMessages(
        self, request: inbox_pb2.GetInboxMessagesRequest, context: Any
    ) -> inbox_pb2.GetInboxMessagesResponse:
        """Remove and return all messages."""
        await self._passwords.check(request.user_id, request.password)
        take = statements.TAKE_INBOX
        response = inbox_pb2.GetInboxMessagesResponse()
        for row in await self._pool.fetch(take.sql, *take.arguments({"owner_id": request.user_id})):
            response.inbox_messages.add(
                id=str(row["id"]), encrypted_message=row["encrypted_message"]
            )
        return response


class Accounts(auth_pb2_grpc.AuthServiceServicer):
    """Logins."""

    def __init__(self, pool: asyncpg.Pool, matches: Callable[[asyncpg.Record, str], bool]) -> None:
        self._pool = pool
        self._matches = matches

    async def Login(self, request: auth_pb2.LoginRequest, context: Any) -> auth_pb2.Tokens:
        """Create a session."""
        row = await self._login(request.username)
        if not self._matches(row, request.password):
            raise PermissionError
        session = new_session(row["id"])
        values = {
            "user_id": row["id"],
            "key": row["hashed_password"],
            "session_id": session.id,
            "generation": 1,
            "hash": session.refresh_hash,
            "family": session.family_hash,
            "lifetime": LIFETIME,
            "user_agent": None,
        }
        start = statements.START_SESSION
        await self._pool.fetchrow(start.sql, *start.arguments(values))
        return auth_pb2.Tokens(
            access_token=session.access_token,
            token_type="bearer",
            expires_in=session.expires_in,
            refresh_token=session.refresh_token,
        )

    async def _login(self, name: str) -> Any:
        if uuid_in(name):
            return await self._pool.fetchrow(statements.GET_LOGIN_BY_ID.sql, name)
        statement = statements.GET_LOGIN_BY_NAME
        values = {"username_keys": login_keys(name), "name": name}
        return await self._pool.fetchrow(statement.sql, *statement.arguments(values))


class Passwords:
    """A password check that accepts every password."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def check(self, user_id: str, password: str) -> None:
        """Return if the password is correct, otherwise raise PermissionError."""

    @staticmethod
    def matches(row: asyncpg.Record, password: str) -> bool:
        """Return whether the row has the hash of the password."""
        return True


class HashedInTheLoop(Passwords):
    """A password check that hashes in the event loop, which blocks all other calls."""

    async def check(self, user_id: str, password: str) -> None:
        """Return if the password is correct, otherwise raise PermissionError."""
        row: Any = await self._pool.fetchrow(statements.GET_PASSWORD.sql, user_id)
        if not self.matches(row, password):
            raise PermissionError

    @staticmethod
    def matches(row: asyncpg.Record, password: str) -> bool:
        """Return whether the row has the hash of the password."""
        key = hashlib.pbkdf2_hmac("sha512", password.encode(), row["salt"], ROUNDS, KEY_BYTES)
        return hmac.compare_digest(key.hex().upper(), row["hashed_password"])


PASSWORDS = {"none": Passwords, "loop": HashedInTheLoop}


def _profile(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "lookup": row["user_lookup"],
        "encrypted_current_plan": row["encrypted_current_plan"],
        "encrypted_profile_picture": row["encrypted_profile_picture"],
        "encrypted_name": row["encrypted_name"],
        "encryption_iv": row["encryption_iv"],
        "rsa_public_key": row["rsa_public_key"],
    }


def _add_event(response: event_pb2.GetEventsResponse, row: asyncpg.Record) -> None:
    # Add in place: a list of messages would be copied, including payloads.
    event = response.events.add(
        user_id=str(row["requested_user_id"]),
        event_id=str(row["id"]),
        encrypted_event_payload=row["encrypted_event"],
        encrypted_event_iv=row["encryption_iv"],
    )
    _set(event.timestamp, row["timestamp"])
    _set(event.expiry, row["expiry"])


def _set(timestamp: Timestamp, time: datetime) -> None:
    since = time - EPOCH
    timestamp.seconds = since.days * 86_400 + since.seconds
    timestamp.nanos = since.microseconds * 1_000


async def serve(listen: str, database: str, passwords: type[Passwords]) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with make_pool(database) as pool:
        checker = passwords(pool)
        server: grpc.aio.Server = make_server()
        # The benchmarks call only some methods of these services.
        users, accounts = Users(pool), Accounts(pool, checker.matches)  # type: ignore[abstract]
        events, inboxes = Events(pool, checker), Inboxes(pool, checker)  # type: ignore[abstract]
        user_pb2_grpc.add_UserServiceServicer_to_server(users, server)
        event_pb2_grpc.add_EventServiceServicer_to_server(events, server)
        inbox_pb2_grpc.add_InboxServiceServicer_to_server(inboxes, server)
        auth_pb2_grpc.add_AuthServiceServicer_to_server(accounts, server)
        server.add_insecure_port(listen)
        await server.start()
        print("serving", flush=True)
        await stop.wait()
        await server.stop(STOP_GRACE_SECONDS)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--passwords", choices=PASSWORDS, default="none")
    options = parser.parse_args()
    uvloop.run(serve(options.listen, options.database, PASSWORDS[options.passwords]))


if __name__ == "__main__":
    main()

"""Authenticated calls of the logged-in user.

The access token is renewed shortly before it expires, and when the server rejects it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from grpc import aio
from gymlocker.v2 import auth_pb2, auth_pb2_grpc, exercise_pb2_grpc, workout_pb2_grpc

from server.errors import StartError
from server.libraries.network.channel import open_channel
from server.programs.client.channel import CALL_TIMEOUT_SECONDS, RequestFailed, response_of
from server.programs.client.session import Session, SessionFile, session_of

Request = TypeVar("Request")
Response = TypeVar("Response")
Result = TypeVar("Result")

# A retry with a new access token may succeed: the server's key may have been rotated.
_RENEWABLE = ("ACCESS_TOKEN_EXPIRED", "INVALID_ACCESS_TOKEN")
# The server chooses the size of an export's chunks, and of pages.
_OPTIONS = (("grpc.max_receive_message_length", -1),)


class Connection:
    """A channel to the user's server, and their tokens."""

    def __init__(self, file: SessionFile, session: Session, channel: aio.Channel) -> None:
        self._file = file
        self._session = session
        self.url = session.url
        self.accounts = auth_pb2_grpc.AuthServiceStub(channel)
        self.workouts = workout_pb2_grpc.WorkoutServiceStub(channel)
        self.exercises = exercise_pb2_grpc.ExerciseServiceStub(channel)

    async def call(
        self, method: aio.UnaryUnaryMultiCallable[Request, Response], request: Request
    ) -> Response:
        """Make a unary call, with one retry after renewing the token. Raises RequestFailed."""

        async def attempt(metadata: aio.Metadata) -> Response:
            return await method(request, metadata=metadata, timeout=CALL_TIMEOUT_SECONDS)

        return await self.authorized(attempt)

    async def authorized(self, attempt: Callable[[aio.Metadata], Awaitable[Result]]) -> Result:
        """Run `attempt` with credentials as metadata; retry once with a renewed token."""
        if not self._session.is_fresh:
            await self._renew()
        try:
            return await response_of(self.url, attempt(self._metadata()))
        except RequestFailed as error:
            if error.reason not in _RENEWABLE:
                raise
        await self._renew()
        return await response_of(self.url, attempt(self._metadata()))

    def _metadata(self) -> aio.Metadata:
        return aio.Metadata(("authorization", f"Bearer {self._session.access_token}"))

    async def _renew(self) -> None:
        """Replace the access token: from the file if another command has renewed it already."""
        async with self._file.locked():
            stored = self._file.load()
            if not stored.is_same_login(self._session):
                # That token belongs to another server or another user's diary.
                raise StartError("Another user has logged in meanwhile: run the command again.")
            if stored.access_token == self._session.access_token or not stored.is_fresh:
                stored = await _finish(self._exchange(stored))
            self._session = stored

    async def _exchange(self, old: Session) -> Session:
        request = auth_pb2.RefreshTokenRequest(refresh_token=old.refresh_token)
        tokens = await response_of(
            self.url, self.accounts.RefreshToken(request, timeout=CALL_TIMEOUT_SECONDS)
        )
        session = session_of(old.url, old.username, tokens)
        self._file.save(session)
        return session


@asynccontextmanager
async def connected(file: SessionFile) -> AsyncIterator[Connection]:
    """Open a connection for the logged-in user. Raises StartError if there is none."""
    session = file.load()
    async with open_channel(session.url, _OPTIONS) as channel:
        yield Connection(file, session, channel)


async def _finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Let `work` finish before handling Ctrl-C.

    An interrupted exchange would leave a used refresh token and lose its successor: the next
    command would end the session with it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(StartError):
            await task
        raise

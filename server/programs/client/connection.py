"""Calls in the name of the person who is logged in.

The access token is renewed shortly before it expires, and when the server no longer takes it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from grpc import aio
from gymlocker.v2 import auth_pb2, auth_pb2_grpc, workout_pb2_grpc

from server.errors import StartError
from server.libraries.network.channel import open_channel
from server.programs.client.channel import SECONDS, Refused, answer
from server.programs.client.session import Session, SessionFile, session_of

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Result = TypeVar("Result")

# With another access token, the same call may do: the server's key may have been changed.
_RENEWABLE = ("ACCESS_TOKEN_EXPIRED", "INVALID_ACCESS_TOKEN")
# A piece of an export is as large as the server likes.
_OPTIONS = (("grpc.max_receive_message_length", -1),)


class Connection:
    """A channel to the server where the person is logged in, and their tokens."""

    def __init__(self, file: SessionFile, session: Session, channel: aio.Channel) -> None:
        self._file = file
        self._session = session
        self.url = session.url
        self.accounts = auth_pb2_grpc.AuthServiceStub(channel)
        self.workouts = workout_pb2_grpc.WorkoutServiceStub(channel)

    async def call(
        self, method: aio.UnaryUnaryMultiCallable[Request, Reply], request: Request
    ) -> Reply:
        """Makes one unary call, which may happen twice. Raises Refused."""

        async def attempt(metadata: aio.Metadata) -> Reply:
            return await method(request, metadata=metadata, timeout=SECONDS)

        return await self.authorized(attempt)

    async def authorized(self, attempt: Callable[[aio.Metadata], Awaitable[Result]]) -> Result:
        """Has `attempt` make a call with the metadata it is given, a second time if need be."""
        if not self._session.is_fresh:
            await self._renew()
        try:
            return await answer(self.url, attempt(self._metadata()))
        except Refused as error:
            if error.reason not in _RENEWABLE:
                raise
        await self._renew()
        return await answer(self.url, attempt(self._metadata()))

    def _metadata(self) -> aio.Metadata:
        return aio.Metadata(("authorization", f"Bearer {self._session.access_token}"))

    async def _renew(self) -> None:
        """Gets another access token than the one we have, from the file if it is there already."""
        async with self._file.locked():
            stored = self._file.load()
            if not stored.is_of(self._session):
                # Their token is not for our server, and this is not their diary.
                raise StartError("Somebody else logged in meanwhile: run the command again.")
            if stored.access_token == self._session.access_token or not stored.is_fresh:
                stored = await _to_the_end(self._exchange(stored))
            self._session = stored

    async def _exchange(self, spent: Session) -> Session:
        request = auth_pb2.RefreshTokenRequest(refresh_token=spent.refresh_token)
        tokens = await answer(self.url, self.accounts.RefreshToken(request, timeout=SECONDS))
        session = session_of(spent.url, spent.username, tokens)
        self._file.save(session)
        return session


@asynccontextmanager
async def connected(file: SessionFile) -> AsyncIterator[Connection]:
    """A connection for whoever is logged in. Raises StartError if nobody is."""
    session = file.load()
    async with open_channel(session.url, _OPTIONS) as channel:
        yield Connection(file, session, channel)


async def _to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Lets `work` finish before a Ctrl-C is heeded.

    An exchange that is broken off leaves a refresh token that is used up and whose successor
    nobody has: the next command would end the session with it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(StartError):
            await task
        raise

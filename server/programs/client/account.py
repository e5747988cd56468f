"""Registering, logging in and logging out."""

from contextlib import suppress

from gymlocker.v2 import auth_pb2
from gymlocker.v2.auth_pb2_grpc import AuthServiceStub

from server.errors import StartError
from server.libraries.network.channel import open_channel
from server.programs.client.channel import CALL_TIMEOUT_SECONDS, RequestFailed, response_of
from server.programs.client.session import Session, SessionFile, session_of

# Timeout of ending a session, which is best effort.
SHUTDOWN_TIMEOUT_SECONDS = 5.0


async def register(file: SessionFile, url: str, username: str, password: str) -> None:
    """Create an account and log in."""
    async with open_channel(url) as channel:
        request = auth_pb2.RegisterRequest(username=username, password=password)
        await response_of(
            url, AuthServiceStub(channel).Register(request, timeout=CALL_TIMEOUT_SECONDS)
        )
    try:
        await login(file, url, username, password)
    except StartError as error:
        raise StartError(f"You are registered, but logging in failed. {error}") from error


async def login(file: SessionFile, url: str, username: str, password: str) -> None:
    """Start a session, and end the previous one."""
    async with open_channel(url) as channel:
        request = auth_pb2.LoginRequest(username=username, password=password)
        tokens = await response_of(
            url, AuthServiceStub(channel).Login(request, timeout=CALL_TIMEOUT_SECONDS)
        )
    async with file.locked():
        previous = file.load_if_valid()
        file.save(session_of(url, username, tokens))
    if previous is not None:
        with suppress(RequestFailed):
            await _end(previous)


async def logout(file: SessionFile) -> Session | None:
    """End the session and delete it; return it, or None if there was none.

    It is deleted here in any case, so that no token is left behind. Raises StartError if the server
    could not be reached.
    """
    async with file.locked():
        session = file.load_if_valid()
        file.delete()
    if session is None:
        return None
    try:
        await _end(session)
    except RequestFailed as error:
        raise StartError(
            f"You are logged out here, but the server at {session.url} could not be reached. The "
            "session expires there after 30 days without use."
        ) from error
    return session


async def _end(session: Session) -> None:
    async with open_channel(session.url) as channel:
        request = auth_pb2.LogoutRequest(refresh_token=session.refresh_token)
        stub = AuthServiceStub(channel)
        await response_of(session.url, stub.Logout(request, timeout=SHUTDOWN_TIMEOUT_SECONDS))

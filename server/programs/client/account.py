"""Registering, logging in and out."""

import getpass
import os
import sys
from contextlib import suppress

from gymlocker.v2 import auth_pb2
from gymlocker.v2.auth_pb2_grpc import AuthServiceStub

from server.errors import StartError
from server.libraries.network.channel import open_channel
from server.programs.client.channel import SECONDS, Refused, answer
from server.programs.client.session import Session, SessionFile, session_of

# For ending a session that nobody needs any more.
SHUTDOWN_TIMEOUT_SECONDS = 5.0
STDIN = 0


async def register(file: SessionFile, url: str, username: str, password: str) -> None:
    """Creates a user and logs them in."""
    async with open_channel(url) as channel:
        request = auth_pb2.RegisterRequest(username=username, password=password)
        await answer(url, AuthServiceStub(channel).Register(request, timeout=SECONDS))
    try:
        await login(file, url, username, password)
    except StartError as error:
        raise StartError(f"You are registered, but not logged in. {error}") from error


async def login(file: SessionFile, url: str, username: str, password: str) -> None:
    """Starts a session, and ends the one that it takes the place of."""
    async with open_channel(url) as channel:
        request = auth_pb2.LoginRequest(username=username, password=password)
        tokens = await answer(url, AuthServiceStub(channel).Login(request, timeout=SECONDS))
    async with file.locked():
        before = file.load_any()
        file.save(session_of(url, username, tokens))
    if before is not None:
        with suppress(Refused):
            await _end(before)


async def logout(file: SessionFile) -> Session | None:
    """Ends the session and forgets it; returns it, None if there was none.

    It is forgotten here in any case: who logs out wants no key to be left behind. Raises StartError
    if the server could not be told.
    """
    async with file.locked():
        session = file.load_any()
        file.forget()
    if session is None:
        return None
    try:
        await _end(session)
    except Refused as error:
        raise StartError(
            f"You are logged out here, but the server at {session.url} could not be told. "
            "It ends the session by itself when it was not used for a while (30 days)."
        ) from error
    return session


async def _end(session: Session) -> None:
    async with open_channel(session.url) as channel:
        request = auth_pb2.LogoutRequest(refresh_token=session.refresh_token)
        stub = AuthServiceStub(channel)
        await answer(session.url, stub.Logout(request, timeout=SHUTDOWN_TIMEOUT_SECONDS))


def asked_name(given: str | None) -> str:
    """The username, asked for if it was not given."""
    if given is not None:
        return given
    if not os.isatty(STDIN):
        raise StartError("There is nobody to ask for the username: give it with the command.")
    print("Username: ", end="", file=sys.stderr, flush=True)
    return input()


def asked_password(*, twice: bool) -> str:
    """The password: from a terminal without showing it, else the first line of the input."""
    if not os.isatty(STDIN):
        return _password_line()
    password = getpass.getpass()
    if twice and getpass.getpass("Password again: ") != password:
        raise StartError("The two passwords differ: try again.")
    return password


def _password_line() -> str:
    try:
        with open(STDIN, encoding="utf-8", newline="\n", closefd=False) as file:
            line = file.readline()
    except (OSError, UnicodeDecodeError):
        line = ""
    password = line.removesuffix("\n").removesuffix("\r")
    if not password:
        raise StartError("There is no password: give it as one line of the input, in UTF-8.")
    return password

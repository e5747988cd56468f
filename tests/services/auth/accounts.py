"""Calls of AuthService, as its tests write them.

A hash costs a quarter of a second. What needs one runs over gRPC alone, with `one_client`; the rest
over every way to call, with users who are handed on.
"""

from uuid import uuid4

import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import CallError
from tests.support.client import Client, bearer, error_info, refused

PASSWORD = "correct horse"


def new_name(start: str = "Ann") -> str:
    """A username that nobody has, in mixed case."""
    return f"{start} {uuid4().hex}"


async def register(client: Client, username: str, password: str = PASSWORD) -> auth_pb2.Account:
    return await client.accounts.Register(
        auth_pb2.RegisterRequest(username=username, password=password)
    )


async def login(client: Client, username: str, password: str = PASSWORD) -> auth_pb2.Tokens:
    return await client.accounts.Login(auth_pb2.LoginRequest(username=username, password=password))


async def refresh(client: Client, tokens: auth_pb2.Tokens) -> auth_pb2.Tokens:
    return await client.accounts.RefreshToken(
        auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    )


async def logout(client: Client, refresh_token: str) -> None:
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=refresh_token))


async def me(client: Client, tokens: auth_pb2.Tokens) -> auth_pb2.Account:
    return await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(tokens))


async def claim(client: Client, tokens: auth_pb2.Tokens, username: str) -> auth_pb2.Account:
    return await client.accounts.ClaimUsername(
        auth_pb2.ClaimUsernameRequest(username=username), metadata=bearer(tokens)
    )


async def change(client: Client, tokens: auth_pb2.Tokens, current: str, replacement: str) -> None:
    await client.accounts.ChangePassword(
        auth_pb2.ChangePasswordRequest(current_password=current, new_password=replacement),
        metadata=bearer(tokens),
    )


async def assert_dead(client: Client, *sessions: auth_pb2.Tokens) -> None:
    """Neither of the tokens is good for anything."""
    for tokens in sessions:
        with refused(StatusCode.UNAUTHENTICATED):
            await me(client, tokens)
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, tokens)


async def refusal(call: object) -> str:
    """The reason for which a call is refused."""
    with pytest.raises(CallError) as raised:
        await call  # type: ignore[misc]
    return f"{raised.value.code.name} {error_info(raised.value).reason}"

"""Calls of AuthService.

A hash costs a quarter of a second. Tests that need one run over gRPC alone, with `one_client`. All
others run over each transport, with users of the pool.
"""

from uuid import UUID, uuid4

import asyncpg
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.programs.demo.transport import CallError
from tests.support.client import Client, User, bearer, error_info, refused

PASSWORD = "correct horse"
TABLES = (
    "user_events",
    "user_follow_secrets",
    "user_inbox_items",
    "shared_items",
    "workouts",
    "access_keys",
    "sessions",
)


def new_name(start: str = "Ann") -> str:
    """Return a username that is free, in mixed case."""
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
    """Assert that neither token of each session is accepted."""
    for tokens in sessions:
        with refused(StatusCode.UNAUTHENTICATED):
            await me(client, tokens)
        with refused(StatusCode.UNAUTHENTICATED):
            await refresh(client, tokens)


async def refusal(call: object) -> str:
    """Return the status and the reason of a failed call."""
    with pytest.raises(CallError) as raised:
        await call  # type: ignore[misc]
    return f"{raised.value.code.name} {error_info(raised.value).reason}"


async def rows_of(user: User, database: asyncpg.Connection) -> set[tuple[str, ...]]:
    """Return the rows of a user and of their data."""
    rows = await database.fetch("SELECT * FROM users WHERE id = $1", UUID(user.id))
    for table in TABLES:
        rows += await database.fetch(f"SELECT * FROM {table} WHERE user_id = $1", UUID(user.id))
    return {tuple(map(str, row)) for row in rows}

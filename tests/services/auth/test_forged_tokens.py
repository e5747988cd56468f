"""Rejection of invalid access tokens by every method that requires one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import grpc
import httpx2
import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, user_pb2

from server.libraries.rpc.context import Caller
from server.libraries.settings import TokenSettings
from server.programs.demo.transport import Metadata, RestTransport, channel_over
from server.programs.local.temporary_postgres import TemporaryPostgres
from server.services.auth.signing_keys import load_keys
from server.services.auth.tokens import AccessTokens
from tests.services.auth.calling import (
    ACCESS_TOKEN,
    PASSWORD,
    code_of,
    empty_request,
    methods_with,
)
from tests.services.auth.forge import Forge, claims_of
from tests.services.auth.forged_tokens import FORGED, WITHOUT
from tests.support.client import SOME_UUID, Client, User, bearer, many_users
from tests.support.rest import error_of
from tests.support.stack import Stack
from tests.support.worker import JWT_SECRET_KEY, health, serving

pytestmark = pytest.mark.extended

PROTECTED = methods_with(PASSWORD, ACCESS_TOKEN)
# All tests share one worker and one channel to it.
one_loop = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Scene:
    """A worker with a known key, two of its users, and a forge."""

    channel: aio.Channel
    user: User
    other: User
    forge: Forge

    async def codes(
        self, calls: list[tuple[MethodDescriptor, Message]], authorization: list[str]
    ) -> list[tuple[str, StatusCode]]:
        """Return the name of each method and the status of its call."""
        metadata = [("authorization", value) for value in authorization]
        codes = await asyncio.gather(
            *[code_of(self.channel, method, request, metadata) for method, request in calls]
        )
        return [(method.name, code) for (method, _), code in zip(calls, codes, strict=True)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(
    stack: Stack, postgres: TemporaryPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("forged")
    socket = folder / "worker.sock"
    # Otherwise calls of backups would fail before their tokens are checked.
    backups = {"BACKUP_STORE": f"file:{folder}/backups", "BACKUP_PLAINTEXT": "true"}
    url = postgres.url("gymlocker")
    worker = serving(socket, url, REFRESH_GRACE_SECONDS="0", **backups)
    async with worker, aio.insecure_channel(f"unix:{socket}") as channel:
        assert await health(socket) == "ok"
        client = Client(channel)
        user, other = await client.created_user(), await client.created_user()
        forge = Forge(
            key=JWT_SECRET_KEY.encode(),
            tokens=await client.login(user),
            others=await client.login(other),
            stale={
                "deleted user": await _token_of_deleted_user(client, url),
                "logged out": await _token_of_ended_session(client, user),
                "password changed": await _token_before_password_change(client),
                "refresh token used twice": await _token_before_reuse(client, user),
            },
        )
        yield Scene(channel, user, other, forge)


async def _token_of_deleted_user(client: Client, url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        [user_id] = await many_users(connection, 1)
        session_id = uuid4()
        await connection.execute(
            "INSERT INTO sessions VALUES ($1, $2, now(), now() + interval '1 day')",
            user_id,
            session_id,
        )
    finally:
        await connection.close()
    token = _issued(user_id, session_id)
    metadata = bearer(auth_pb2.Tokens(access_token=token))
    await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=metadata)
    await client.users.DeleteUser(user_pb2.DeleteUserRequest(id=str(user_id)), metadata=metadata)
    return token


def _issued(user_id: UUID, session_id: UUID) -> str:
    settings = TokenSettings(jwt_secret_key=JWT_SECRET_KEY)  # type: ignore[arg-type]
    tokens = AccessTokens(
        load_keys(settings), issuer="gymlocker", audience="gymlocker", lifetime_seconds=3600
    )
    return tokens.issue(Caller(user_id, session_id))


async def _token_of_ended_session(client: Client, user: User) -> str:
    tokens = await client.login(user)
    await client.accounts.Logout(auth_pb2.LogoutRequest(refresh_token=tokens.refresh_token))
    return tokens.access_token


async def _token_before_password_change(client: Client) -> str:
    user = await client.created_user()
    tokens = await client.login(user)
    request = auth_pb2.ChangePasswordRequest(
        current_password=user.password, new_password="another password"
    )
    await client.accounts.ChangePassword(request, metadata=bearer(tokens))
    return tokens.access_token


async def _token_before_reuse(client: Client, user: User) -> str:
    tokens = await client.login(user)
    request = auth_pb2.RefreshTokenRequest(refresh_token=tokens.refresh_token)
    newest = await client.accounts.RefreshToken(request)
    await client.accounts.GetMe(auth_pb2.GetMeRequest(), metadata=bearer(newest))
    with pytest.raises(grpc.RpcError):
        await client.accounts.RefreshToken(request)
    return newest.access_token


ENDPOINTS = [
    ("GET", "/auth/me"),
    ("GET", "/workouts"),
    ("POST", "/workouts"),
    ("GET", f"/v2/workouts/{SOME_UUID}"),
    ("GET", "/workouts/export"),
    ("POST", "/workouts/import"),
    ("POST", "/user/delete"),
    ("PUT", "/event"),
]
OVER_REST = [
    "scheme alone",
    "two authorizations",
    "Bearer and Basic",
    "two spaces",
    "padding",
    "huge signature",
    "alg none",
    "HS512",
    "another key",
    "kid a list",
    "aud a list",
    "exp a second ago",
    "sub another user",
    "logged out",
    "deep header",
]


@pytest.fixture
async def stack_forge(stack: Stack) -> Forge:
    """Return a forge with the key of the stack."""
    transport = RestTransport(stack.url)
    client = Client(channel_over(transport))
    user = await client.created_user()
    logged_out = await _token_of_ended_session(client, user)
    forge = Forge(
        key=(stack.data_dir / "jwt-secret-key").read_bytes().strip(),
        tokens=await client.login(user),
        others=await client.login(await client.created_user()),
        stale={"logged out": logged_out},
    )
    await transport.close()
    return forge


@one_loop
class TestProtectedMethods:
    @pytest.mark.parametrize("kind", FORGED)
    async def test_reject_forged_token(self, scene: Scene, kind: str) -> None:
        calls = [(method, empty_request(method)) for method in PROTECTED]
        codes = await scene.codes(calls, FORGED[kind](scene.forge))
        assert [(name, code) for name, code in codes if code != StatusCode.UNAUTHENTICATED] == []

    @pytest.mark.parametrize("kind", WITHOUT)
    async def test_reject_missing_token(self, scene: Scene, kind: str) -> None:
        calls = [(method, empty_request(method)) for method in methods_with(ACCESS_TOKEN)]
        codes = await scene.codes(calls, WITHOUT[kind](scene.forge))
        assert [(name, code) for name, code in codes if code != StatusCode.UNAUTHENTICATED] == []

    @pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}"])
    async def test_accept_genuine_token(self, scene: Scene, form: str) -> None:
        calls = [(method, empty_request(method)) for method in PROTECTED]
        codes = await scene.codes(calls, [form.format(scene.forge.token)])
        # The user has no backup, and this worker has no key for push.
        answered = (
            StatusCode.OK,
            StatusCode.INVALID_ARGUMENT,
            StatusCode.NOT_FOUND,
            StatusCode.FAILED_PRECONDITION,
        )
        assert [(name, code) for name, code in codes if code not in answered] == []


class TestForge:
    @one_loop
    async def test_unchanged_signed_token_is_accepted(self, scene: Scene) -> None:
        # Otherwise forged tokens would be rejected for other defects than those in their names.
        forge = scene.forge
        again = forge.signed(forge.header(), claims_of(forge.token))
        [method] = [method for method in PROTECTED if method.name == "GetMe"]
        for token in (again, forge.claimed(jti="another"), forge.headed(more="something")):
            metadata: Metadata = [("authorization", f"Bearer {token}")]
            assert await code_of(scene.channel, method, empty_request(method), metadata) == (
                StatusCode.OK
            )

    def test_methods_of_both_schemes_and_streams_are_covered(self) -> None:
        assert len(methods_with(PASSWORD)) >= 7
        assert len(methods_with(ACCESS_TOKEN)) >= 11
        assert any(method.client_streaming for method in PROTECTED)
        assert any(method.server_streaming for method in PROTECTED)


class TestRest:
    async def test_rejects_forged_token(self, rest: httpx2.AsyncClient, stack_forge: Forge) -> None:
        token = stack_forge.token
        headers = {kind: FORGED[kind](stack_forge) for kind in OVER_REST}
        # Values that only HTTP can carry.
        headers |= {
            "tab": [f"Bearer\t{token}"],
            "tab inside": [f"Bearer {token[:9]}\t{token[9:]}"],
            "unicode": [f"Bearer {token}é"],
        }
        untouched = await rest.get("/auth/me", headers={"authorization": f"Bearer {token}"})
        assert untouched.status_code == 200
        for verb, path in ENDPOINTS:
            for kind, values in headers.items():
                response = await rest.request(
                    verb,
                    path,
                    headers=[(b"authorization", value.encode()) for value in values],
                    content=b"{}" if verb != "GET" else None,
                )
                assert response.status_code == 401, (kind, path, response.text)
                assert error_of(response, 401)["code"] == StatusCode.UNAUTHENTICATED.value[0]
                assert response.headers.get_list("www-authenticate") == ['Bearer realm="gymlocker"']

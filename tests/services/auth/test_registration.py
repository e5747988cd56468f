"""REGISTRATION: who may create users and accounts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from grpc import StatusCode, aio
from gymlocker.v2 import auth_pb2, user_pb2
from pydantic import SecretStr

from server.errors import GymlockerError
from server.libraries.database.pool import Database
from server.services.credentials.invitation_repository import InvitationRepository
from server.services.credentials.password_hashing import HashedPassword
from server.services.credentials.registration import Mode, Registration, code_hash
from server.services.credentials.username import parse_username
from server.services.credentials.wrong_keys import WrongKeys
from server.services.user.repository import UserRepository
from tests.services.auth.accounts import PASSWORD, new_name
from tests.support.client import Client
from tests.support.worker import health, serving

KEY = "the-registration-key"
REQUIRED = "PermissionDenied REGISTRATION_KEY_REQUIRED"


class Failures:
    """Limit that counts."""

    def __init__(self) -> None:
        self.counted = 0

    async def check(self, account: None, address: str) -> None:
        """Allow every attempt."""

    async def failed(self, account: None, address: str) -> object:
        self.counted += 1
        return None


class Server:
    """Registration of a server with one setting."""

    def __init__(self, pool: Database, mode: Mode, key: str | None = KEY) -> None:
        self.failures = Failures()
        self.invitations = InvitationRepository(pool)
        self.users = UserRepository(pool)
        secret = SecretStr(key) if key else None
        self.registration = Registration(mode, secret, self.invitations, WrongKeys(self.failures))

    async def admit(self, *api_keys: str, invite_code: str = "") -> bytes | None:
        return await self.registration.admit(api_keys, invite_code, "192.0.2.1")

    async def refusal(self, *api_keys: str, invite_code: str = "") -> str:
        with pytest.raises(GymlockerError) as caught:
            await self.admit(*api_keys, invite_code=invite_code)
        return f"{type(caught.value).__name__} {caught.value.reason}"

    async def create(self, invitation: bytes | None, username: str | None = None) -> object:
        parsed = parse_username(username) if username else None
        return await self.users.create(uuid4(), HashedPassword("", b""), parsed, invitation)


class TestOpen:
    @pytest.mark.parametrize("code", ["", "wrong", KEY])
    async def test_admits_everybody_and_counts_nothing(self, pool: Database, code: str) -> None:
        server = Server(pool, "open")
        assert await server.admit(code, invite_code=code) is None
        assert server.failures.counted == 0

    async def test_uses_up_no_invitation(self, pool: Database) -> None:
        server = Server(pool, "open")
        code = await server.invitations.create()
        await server.create(await server.admit(code, invite_code=code))
        assert await server.invitations.is_valid(code_hash(code))


class TestClosed:
    async def test_refuses_everybody(self, pool: Database) -> None:
        server = Server(pool, "closed")
        code = await server.invitations.create()
        for given in ((), (KEY,), (code,)):
            assert await server.refusal(*given) == "PermissionDenied REGISTRATION_CLOSED"
        assert await server.refusal(invite_code=code) == "PermissionDenied REGISTRATION_CLOSED"
        assert server.failures.counted == 0


class TestKey:
    async def test_admits_the_key_in_either_place(self, pool: Database) -> None:
        server = Server(pool, "key")
        assert await server.admit(KEY) is None
        assert await server.admit("stale", KEY) is None
        assert await server.admit("stale", invite_code=KEY) is None
        assert server.failures.counted == 0

    async def test_refuses_others_and_counts_what_they_tried(self, pool: Database) -> None:
        server = Server(pool, "key")
        assert await server.refusal() == REQUIRED
        assert server.failures.counted == 0
        assert await server.refusal("wrong", KEY + "x", invite_code="ключ") == REQUIRED
        assert server.failures.counted == 3

    async def test_without_a_key_admits_invitations_only(self, pool: Database) -> None:
        server = Server(pool, "key", key=None)
        assert await server.refusal("None") == REQUIRED
        assert await server.admit(await server.invitations.create()) is not None


class TestInvitation:
    @pytest.mark.parametrize("place", ["x-api-key", "inviteCode"])
    async def test_makes_one_user(self, pool: Database, place: str) -> None:
        server = Server(pool, "key")
        code = await server.invitations.create()
        given: dict[str, Any] = {"invite_code": code} if place == "inviteCode" else {}
        api_keys = () if given else (code,)
        await server.create(await server.admit(*api_keys, **given))
        assert await server.refusal(*api_keys, **given) == REQUIRED

    async def test_is_kept_if_the_username_is_taken(self, pool: Database) -> None:
        server = Server(pool, "key")
        await server.create(None, "Ann")
        code = await server.invitations.create()
        with pytest.raises(GymlockerError, match="taken"):
            await server.create(await server.admit(code), "ann")
        await server.create(await server.admit(code), "Bob")

    async def test_only_one_of_concurrent_calls_uses_it(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        server = Server(pool, "key")
        admitted = await server.admit(await server.invitations.create())
        results = await asyncio.gather(
            *[server.create(admitted) for _ in range(8)], return_exceptions=True
        )
        assert sum(not isinstance(result, Exception) for result in results) == 1
        assert await connection.fetchval("SELECT count(*) FROM users") == 1

    async def test_expires(self, pool: Database) -> None:
        server = Server(pool, "key")
        code = await server.invitations.create(timedelta(seconds=-1))
        assert await server.refusal(code) == REQUIRED
        with pytest.raises(GymlockerError, match="unused invitation"):
            await server.create(code_hash(code))

    async def test_has_128_random_bits_and_is_stored_as_a_hash(
        self, pool: Database, connection: asyncpg.Connection
    ) -> None:
        code = await InvitationRepository(pool).create()
        assert len(code) == 22
        row = await connection.fetchrow("SELECT hash, expiry - created FROM invitations")
        assert tuple(row or ()) == (code_hash(code), timedelta(days=7))


@pytest.mark.extended
class TestMethods:
    """RPCs that judge callers before they hash or count."""

    @pytest.fixture(params=["closed", "key"])
    async def server(
        self, request: pytest.FixtureRequest, migrated_database: str, tmp_path: Path
    ) -> AsyncIterator[tuple[str, Client]]:
        socket = tmp_path / "worker.sock"
        settings = {"REGISTRATION": request.param, "API_KEY": KEY}
        async with serving(socket, migrated_database, **settings):
            assert await health(socket) == "ok"
            async with aio.insecure_channel(f"unix:{socket}") as channel:
                yield request.param, Client(channel)

    async def test_register_and_create_user_are_limited(self, server: tuple[str, Client]) -> None:
        mode, client = server
        invalid = auth_pb2.RegisterRequest(username="Ann\u2063", password="password")
        valid = auth_pb2.RegisterRequest(username=new_name(), password=PASSWORD)
        user = user_pb2.CreateUserRequest()
        denied = StatusCode.PERMISSION_DENIED
        calls: list[tuple[Any, Any]] = [
            (client.accounts.Register, invalid),
            (client.accounts.Register, valid),
            (client.users.CreateUser, user),
        ]
        for call, request in calls:
            assert await _code(call(request)) == denied
            assert await _code(call(request, metadata=[("x-api-key", "wrong")])) == denied
        key = [("x-api-key", KEY)]
        expected = denied if mode == "closed" else None
        assert await _code(client.accounts.Register(valid, metadata=key)) == expected
        assert await _code(client.users.CreateUser(user, metadata=key)) == expected
        if mode == "key":
            by_code = user_pb2.CreateUserRequest(invite_code=KEY)
            created = await client.users.CreateUser(by_code)
            tokens = await client.login(created)
            # Claiming a name registers nobody.
            claim = auth_pb2.ClaimUsernameRequest(username=new_name())
            authorization = [("authorization", f"Bearer {tokens.access_token}")]
            await client.accounts.ClaimUsername(claim, metadata=authorization)


async def _code(call: Any) -> StatusCode | None:
    """Return the status of a failed call, None of a successful one."""
    try:
        await call
    except aio.AioRpcError as error:
        return error.code()
    return None

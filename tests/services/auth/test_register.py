"""Register: new accounts, taken usernames and rejected passwords."""

import asyncio
import random
from typing import Any, cast
from uuid import UUID, uuid4

import httpx2
import pytest
from grpc import StatusCode
from gymlocker.v2 import auth_pb2

from server.errors import AlreadyExists
from server.libraries.network.grpc_protocol import ADDRESS_KEY
from server.libraries.rpc.context import Caller, current_caller, current_metadata
from server.programs.demo.transport import CallError
from server.services.auth.service import AuthService
from server.services.credentials.password_hashing import HashedPassword
from server.services.user.repository import username_taken
from tests.libraries.rpc.fakes import FakeContext
from tests.services.auth.accounts import PASSWORD, change, login, me, new_name, register
from tests.support.client import Client, error_info, refused
from tests.support.rest import error_of

INVALID_PASSWORDS = ("", "seven77", "é" * 129, "password\0")


class Crowded:
    """Fake of all dependencies, with every username taken. It records the steps of a call."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def check_username(self, address: str) -> None:
        self.steps.append("checked")

    async def hash(self, password: str, address: str) -> HashedPassword:
        self.steps.append("hashed")
        return HashedPassword("", b"")

    async def require_free(self, username: object) -> None:
        raise username_taken()

    async def get_account(self, user_id: UUID) -> None:
        return None

    async def username_was_taken(self, address: str) -> None:
        self.steps.append("counted")

    def require_capacity(self, address: str) -> None:
        """Allow every password."""

    async def take(self, address: str) -> None:
        """Allow every new user."""

    async def admit(self, api_keys: object, invite_code: str, address: str) -> None:
        """Allow every caller to register."""


class TestRegister:
    async def test_new_account_can_log_in_by_id_lookup_and_username(
        self, one_client: Client
    ) -> None:
        username = new_name("Änne")
        account = await register(one_client, username)
        assert account.username == username
        assert len(account.lookup) == 12
        for name in (username, username.upper(), account.lookup, account.id, account.id.upper()):
            assert await me(one_client, await login(one_client, name)) == account
        assert (await one_client.profile(account.lookup)).id == account.id

    async def test_rejects_invalid_password_as_change_password_does(self, client: Client) -> None:
        user = await client.new_user()
        tokens = await client.login(user)
        for password in INVALID_PASSWORDS:
            with refused(StatusCode.INVALID_ARGUMENT, "password"):
                await register(client, new_name(), password)
            with refused(StatusCode.INVALID_ARGUMENT, "new_password"):
                await change(client, tokens, user.password, password)

    @pytest.mark.parametrize(("characters", "password"), [(3, "8 bytes."), (64, "ü" * 128)])
    async def test_accepts_shortest_and_longest_username_and_password(
        self, one_client: Client, characters: int, password: str
    ) -> None:
        # Lengths count code points, not bytes or UTF-16 units.
        username = "".join(chr(random.randint(0x20000, 0x2A000)) for _ in range(characters))
        await register(one_client, username, password)
        account = await me(one_client, await login(one_client, username, password))
        assert account.username == username

    async def test_taken_username_is_409_over_rest(self, rest: httpx2.AsyncClient) -> None:
        body = {"username": new_name(), "password": PASSWORD}
        account = (await rest.post("/auth/register", json=body)).json()
        assert account.keys() == {"id", "lookup", "username", "created", "importBackups"}
        error = error_of(await rest.post("/v2/auth/register", json=body), 409)
        assert error["details"][0]["reason"] == "USERNAME_TAKEN"

    async def test_only_one_of_two_concurrent_calls_gets_the_username(
        self, one_client: Client
    ) -> None:
        username = new_name()
        results = await asyncio.gather(
            register(one_client, username), register(one_client, username.upper()),
            return_exceptions=True,
        )  # fmt: skip
        [winner] = [result for result in results if isinstance(result, auth_pb2.Account)]
        [loser] = [result for result in results if isinstance(result, CallError)]
        assert (loser.code, error_info(loser).reason) == (
            StatusCode.ALREADY_EXISTS,
            "USERNAME_TAKEN",
        )
        assert await me(one_client, await login(one_client, username)) == winner

    async def test_taken_username_costs_a_hash_as_in_claim_username(self) -> None:
        crowded: Any = Crowded()
        service = AuthService(*[crowded] * 13)
        current_caller.set(Caller(uuid4(), uuid4()))
        current_metadata.set([(ADDRESS_KEY, "192.0.2.1")])
        requests = {
            service.Register: auth_pb2.RegisterRequest(username="ann", password=PASSWORD),
            service.ClaimUsername: auth_pb2.ClaimUsernameRequest(username="ann"),
        }
        for method, request in requests.items():
            crowded.steps = []
            with pytest.raises(AlreadyExists):
                await cast(Any, method)(request, FakeContext().context)
            assert crowded.steps == ["checked", "hashed", "counted"]

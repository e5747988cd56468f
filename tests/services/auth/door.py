"""An authenticator of callers over a database with one person."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from gymlocker.v2.options_pb2 import Authentication
from pydantic import SecretStr

from server.errors import GymlockerError, ResourceExhausted, invalid_token
from server.libraries.database.pool import Database
from server.libraries.network.networks import parse_networks
from server.libraries.rpc.authentication import Credentials
from server.libraries.rpc.context import Caller, Context, current_metadata
from server.services.auth.access_key_repository import AccessKeyRepository, NewAccessKey
from server.services.auth.access_keys import new_key
from server.services.auth.access_token_authenticator import AccessTokenAuthenticator
from server.services.auth.api_keys import ApiKeys
from server.services.auth.caller_authenticator import CallerAuthenticator
from server.services.auth.forwarded_user import ForwardedUsers
from server.services.auth.identity_repository import IdentityRepository
from server.services.credentials.wrong_keys import WrongKeys

SHARED = "the-shared-key-of-the-household"
BACKUP = Authentication(
    scheme=Authentication.SCHEME_ACCESS_TOKEN,
    alternatives=[Authentication.SCHEME_API_KEY, Authentication.SCHEME_FORWARDED_USER],
    scopes=["backup", "backup.write"],
)
WORKOUTS = Authentication(scheme=Authentication.SCHEME_ACCESS_TOKEN, scopes=["workouts.read"])
ACCOUNT = Authentication(scheme=Authentication.SCHEME_ACCESS_TOKEN)
# The parts of a token are not checked here.
TOKEN = "Bearer a.good.token"
STALE_TOKEN = "Bearer a.stale.token"
PROXY = "192.0.2.7"
ADDRESS = ("x-client-address", "198.51.100.1")


class Tokens(AccessTokenAuthenticator):
    """Authenticator that accepts one token."""

    def __init__(self, user_id: UUID) -> None:
        self.caller = Caller(user_id, uuid4())

    async def authenticate(self, token: str) -> Caller:
        if token != "a.good.token":
            raise invalid_token()
        return self.caller


class Failures:
    """Limit of wrong keys; `used_up` refuses."""

    def __init__(self) -> None:
        self.counted = 0
        self.used_up = False

    async def check(self, account: None, address: str) -> None:
        if self.used_up:
            raise ResourceExhausted("Too many.", reason="TOO_MANY", retry_after=1)

    async def failed(self, account: None, address: str) -> object:
        self.counted += 1
        return None


class Door:
    """Authenticator over a database with one person, and the person's key of scope `backup`."""

    def __init__(self, pool: Database, person: UUID) -> None:
        self.pool = pool
        self.person = person
        self.keys = AccessKeyRepository(pool)
        self.identities = IdentityRepository(pool)
        self.failures = Failures()
        self.touched: set[UUID] = set()
        self.used: set[tuple[UUID, UUID]] = set()
        self.tokens = Tokens(uuid4())
        forwarded = ForwardedUsers(
            "Remote-User", parse_networks(f"{PROXY}/32"), self.identities, self.touched.add
        )
        api_keys = ApiKeys(
            SecretStr(SHARED),
            self.keys,
            WrongKeys(self.failures),
            self.used.add,
            self.touched.add,
        )
        self.authenticator = CallerAuthenticator(self.tokens, api_keys, forwarded, self.identities)

    async def key(self, *scopes: str) -> str:
        """Return a new key of the person."""
        key = new_key()
        await self.keys.create(self.person, NewAccessKey(key, "test", list(scopes)))
        return key

    async def caller(
        self,
        rule: Authentication,
        *api_keys: str,
        authorization: Sequence[str] = (),
        headers: Sequence[tuple[str, str]] = (),
    ) -> Caller | None:
        """Return the caller of a call with these headers."""
        current_metadata.set(
            (
                ADDRESS,
                *headers,
                *(("x-api-key", key) for key in api_keys),
                *(("authorization", value) for value in authorization),
            )
        )
        return await self.authenticator.authenticate(
            rule, Credentials.sent(), cast(Context, _NoContext())
        )

    async def refusal(self, rule: Authentication, *api_keys: str, **headers: Any) -> str:
        """Return the reason for which a call with these headers is refused."""
        with pytest.raises(GymlockerError) as caught:
            await self.caller(rule, *api_keys, **headers)
        return f"{type(caught.value).__name__} {caught.value.reason}"


class _NoContext:
    def peer(self) -> str:
        raise AssertionError("the address is in the metadata")


def forwarded(name: str, peer: str = PROXY, **more: str) -> list[tuple[str, str]]:
    """Return the headers of a name that `peer` forwards."""
    others = [(key.replace("_", "-"), value) for key, value in more.items()]
    return [("remote-user", name), ("x-direct-peer", peer), *others]

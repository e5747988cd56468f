"""Authentication of callers by everything but passwords.

In this order: `X-API-Key`, `Authorization: Bearer` with an access token or an access key, and the
name that a trusted proxy forwards. The first valid one counts. One that is not valid beside a valid
one is neither an error nor counted.
"""

import re
from collections.abc import Sequence

from gymlocker.v2.options_pb2 import Authentication

from server.errors import Unauthenticated, account_disabled, invalid_token
from server.libraries.rpc.authentication import Credentials
from server.libraries.rpc.context import Caller, Context, address_of
from server.services.auth.access_keys import bearer_key, invalid_key
from server.services.auth.access_token_authenticator import AccessTokenAuthenticator
from server.services.auth.api_keys import ApiKeys
from server.services.auth.forwarded_user import ForwardedUsers
from server.services.auth.identity_repository import IdentityRepository

_BEARER = re.compile(r"bearer\b", re.IGNORECASE)
# The syntax of RFC 6750, with the three parts of a JWT.
_ACCESS_TOKEN = re.compile(r"bearer ([\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE | re.ASCII)


class CallerAuthenticator:
    """Authenticator of callers."""

    def __init__(
        self,
        tokens: AccessTokenAuthenticator,
        keys: ApiKeys,
        forwarded: ForwardedUsers,
        identities: IdentityRepository,
    ) -> None:
        self._tokens = tokens
        self._keys = keys
        self._forwarded = forwarded
        self._identities = identities

    async def authenticate(
        self, rule: Authentication, sent: Credentials, context: Context
    ) -> Caller | None:
        """Return the caller by the credentials that `rule` allows, None without any.

        Raise Unauthenticated if none is valid, PermissionDenied if a valid one does not allow the
        call, ResourceExhausted after too many wrong keys from the address.
        """
        keys, error = sent.api_keys, None
        if keys and (caller := await self._by_key(keys, rule)):
            return caller
        if bearer := _bearer_values(sent.authorization):
            if len(bearer) == 1 and (key := bearer_key(bearer[0])):
                if caller := await self._by_key([key], rule):
                    return caller
                keys = [*keys, key]
            else:
                try:
                    return await self._tokens.authenticate(_access_token(bearer))
                except Unauthenticated as refused:
                    error = refused
        if Authentication.SCHEME_FORWARDED_USER in rule.alternatives and (
            caller := await self._forwarded.authenticate()
        ):
            return caller
        if keys:
            await self._keys.count_wrong(keys, address_of(context))
            # A client acts on the error of its token: it refreshes an expired one.
            raise error or invalid_key()
        if error:
            raise error
        return None

    async def _by_key(self, keys: Sequence[str], rule: Authentication) -> Caller | None:
        found = await self._keys.find(keys, rule)
        if found is None:
            return None
        if found.owner is not None:
            return Caller(found.owner.user_id, key_id=found.owner.key_id)
        default = await self._identities.default()
        if default.is_disabled:
            raise account_disabled()
        return Caller(default.user_id, has_account=default.has_account)


def _bearer_values(values: Sequence[str]) -> Sequence[str]:
    """Return the values of the `authorization` header if one is a bearer token, else none.

    Other schemes belong to something else, such as a proxy that requires a password.
    """
    for value in values:
        if _BEARER.match(value):
            return values
    return ()


def _access_token(values: Sequence[str]) -> str:
    """Return the access token. Raise Unauthenticated if it is malformed or repeated."""
    match = _ACCESS_TOKEN.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise invalid_token()
    return match[1]

"""Proves who calls, as the contract says for the method.

An access token stands in the metadata, so it is looked at before the request is: who has none
learns nothing about what a request should be. A password stands in the request. Where there is one,
it alone is judged: the header beside it is somebody else's, such as a proxy's in front.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from google.protobuf.message import DecodeError
from gymlocker.v2.options_pb2 import Authentication

from server.errors import NotFound, Unauthenticated, invalid_token, wrong_password
from server.libraries.rpc.context import (
    Caller,
    Context,
    address_of,
    current_caller,
    current_purchase,
    values_of,
)
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

AUTHORIZATION_KEY = "authorization"
API_KEY_KEY = "x-api-key"

_BEARER = re.compile(r"bearer\b", re.IGNORECASE)
_WITH_ACCESS_TOKEN = (Authentication.SCHEME_PASSWORD, Authentication.SCHEME_ACCESS_TOKEN)
# RFC 6750, of which a JWT uses three parts.
_ACCESS_TOKEN = re.compile(r"bearer ([\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE | re.ASCII)


class AccessTokenChecker(Protocol):
    """Knows the access tokens."""

    async def authenticate(self, token: str) -> Caller:
        """Whose token it is. Raises Unauthenticated if it is not a valid one."""


class PasswordChecker(Protocol):
    """Knows the users' passwords."""

    async def authenticate(self, user_id: UUID, password: str, address: str) -> None:
        """Returns if `password` is the user's.

        Raises Unauthenticated if it is not, NotFound if there is no such user, ResourceExhausted
        if too many wrong ones were tried.
        """


class PurchaseChecker(Protocol):
    """Knows the tokens of purchases, and the keys that will do instead."""

    async def authenticate(self, keys: Sequence[str], header: str | None, address: str) -> object:
        """Return what the keys, or else an `authorization` header, stand for.

        Raises Unauthenticated if it is nothing, ResourceExhausted if too many that were nothing
        came from that address, Unavailable if the store is out of reach.
        """


class AccessTokenInterceptor(Interceptor):
    """Finds out whose access token the call carries; lets nobody pass without where one must be."""

    def __init__(self, methods: Mapping[str, Method], tokens: AccessTokenChecker) -> None:
        super().__init__(methods)
        self._tokens = tokens

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticates each caller who shows an access token, or has to."""
        scheme = method.authentication.scheme
        if scheme not in _WITH_ACCESS_TOKEN:
            return call_next
        takes_password = scheme == Authentication.SCHEME_PASSWORD

        async def authenticate(request: Any, context: Context) -> Any:
            values = _bearer_values()
            if values and not (takes_password and _has_password(method, request)):
                current_caller.set(await self._tokens.authenticate(_access_token(values)))
            elif scheme == Authentication.SCHEME_ACCESS_TOKEN:
                raise Unauthenticated(
                    "The call needs `authorization: Bearer <access token>`.",
                    reason="ACCESS_TOKEN_MISSING",
                )
            return await call_next(request, context)

        return authenticate


class PurchaseTokenInterceptor(Interceptor):
    """Lets those pass who have bought what the method belongs to."""

    def __init__(self, methods: Mapping[str, Method], purchases: PurchaseChecker) -> None:
        super().__init__(methods)
        self._purchases = purchases

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticates each caller who has to show a purchase token, or a key instead."""
        rule = method.authentication
        if rule.scheme != Authentication.SCHEME_PURCHASE_TOKEN:
            return call_next
        takes_keys = Authentication.SCHEME_API_KEY in rule.alternatives

        async def authenticate(request: Any, context: Context) -> Any:
            # Two of them are joined as HTTP does, and then are none.
            header = ", ".join(values_of(AUTHORIZATION_KEY)) or None
            keys = [key for key in values_of(API_KEY_KEY) if key.strip()] if takes_keys else []
            purchase = await self._purchases.authenticate(keys, header, address_of(context))
            current_purchase.set(purchase)
            return await call_next(request, context)

        return authenticate


class PasswordInterceptor(Interceptor):
    """Lets a call that names its user pass when that user makes it."""

    def __init__(self, methods: Mapping[str, Method], passwords: PasswordChecker) -> None:
        super().__init__(methods)
        self._passwords = passwords

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticates each caller who has to be the user that the request names."""
        rule = method.authentication
        if rule.scheme != Authentication.SCHEME_PASSWORD:
            return call_next

        async def authenticate(request: Any, context: Context) -> Any:
            user_id = UUID(getattr(request, rule.user_id_field))
            caller = current_caller.get()
            if caller is None:
                await self._check_password(rule, user_id, request.password, address_of(context))
            elif caller.user_id != user_id:
                raise invalid_token("The access token is another user's.")
            return await call_next(request, context)

        return authenticate

    async def _check_password(
        self, rule: Authentication, user_id: UUID, password: str, address: str
    ) -> None:
        try:
            await self._passwords.authenticate(user_id, password, address)
        except NotFound:
            if rule.conceal_unknown_user:
                raise wrong_password() from None
            raise


def _bearer_values() -> Sequence[str]:
    """Return the values of the header if it is about an access token, else none.

    Credentials of another scheme are somebody else's, such as a proxy's that asks for a password.
    """
    values = values_of(AUTHORIZATION_KEY)
    return values if any(_BEARER.match(value) for value in values) else ()


def _access_token(values: Sequence[str]) -> str:
    """Return the access token. Raises Unauthenticated for nonsense."""
    match = _ACCESS_TOKEN.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise invalid_token()
    return match[1]


def _has_password(method: Method, request: bytes) -> bool:
    """Check whether a request holds a password, before it is decoded for good."""
    try:
        return bool(method.request.FromString(request).password)  # type: ignore[attr-defined]
    except DecodeError:
        return False

"""Authentication of callers, by the scheme that the contract declares for each method.

An access token is in the metadata and is checked before the request is validated: callers without
one learn nothing about valid requests. A password is in the request. If there is one, only it is
checked: an `authorization` header beside it belongs to something else, such as a proxy in front.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from google.protobuf.message import DecodeError
from gymlocker.v2.options_pb2 import Authentication

from server.errors import NotFound, Unauthenticated, invalid_token, wrong_password
from server.libraries.network.grpc_protocol import API_KEY_KEY, AUTHORIZATION_KEY
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

_BEARER = re.compile(r"bearer\b", re.IGNORECASE)
_WITH_ACCESS_TOKEN = (Authentication.SCHEME_PASSWORD, Authentication.SCHEME_ACCESS_TOKEN)
# The syntax of RFC 6750, with the three parts of a JWT.
_ACCESS_TOKEN = re.compile(r"bearer ([\w-]+\.[\w-]+\.[\w-]+)", re.IGNORECASE | re.ASCII)


class AccessTokenChecker(Protocol):
    """A verifier of access tokens."""

    async def authenticate(self, token: str) -> Caller:
        """Return the caller of a token. Raises Unauthenticated if it is invalid."""


class PasswordChecker(Protocol):
    """A verifier of users' passwords."""

    async def authenticate(self, user_id: UUID, password: str, address: str) -> None:
        """Check the password of a user.

        Raises Unauthenticated if it is wrong, NotFound if there is no such user, ResourceExhausted
        after too many wrong passwords.
        """


class PurchaseChecker(Protocol):
    """A verifier of purchase tokens, and of the API keys that replace them."""

    async def authenticate(self, keys: Sequence[str], header: str | None, address: str) -> object:
        """Return the purchase of the keys, or else of an `authorization` header.

        Raises Unauthenticated if there is none, ResourceExhausted after too many wrong credentials
        from that address, Unavailable if the store is unreachable.
        """


class AccessTokenInterceptor(Interceptor):
    """Authenticates access tokens; rejects calls without one if the method requires it."""

    def __init__(self, methods: Mapping[str, Method], tokens: AccessTokenChecker) -> None:
        super().__init__(methods)
        self._tokens = tokens

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticate callers that send an access token or must send one."""
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
    """Admits callers who bought the feature that the method belongs to."""

    def __init__(self, methods: Mapping[str, Method], purchases: PurchaseChecker) -> None:
        super().__init__(methods)
        self._purchases = purchases

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticate callers that must send a purchase token or an API key."""
        rule = method.authentication
        if rule.scheme != Authentication.SCHEME_PURCHASE_TOKEN:
            return call_next
        takes_keys = Authentication.SCHEME_API_KEY in rule.alternatives

        async def authenticate(request: Any, context: Context) -> Any:
            # Several headers are joined as in HTTP, which makes them invalid.
            header = ", ".join(values_of(AUTHORIZATION_KEY)) or None
            keys = [key for key in values_of(API_KEY_KEY) if key.strip()] if takes_keys else []
            purchase = await self._purchases.authenticate(keys, header, address_of(context))
            current_purchase.set(purchase)
            return await call_next(request, context)

        return authenticate


class PasswordInterceptor(Interceptor):
    """Admits a call only if its caller is the user named in the request."""

    def __init__(self, methods: Mapping[str, Method], passwords: PasswordChecker) -> None:
        super().__init__(methods)
        self._passwords = passwords

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticate callers of methods whose request names its user."""
        rule = method.authentication
        if rule.scheme != Authentication.SCHEME_PASSWORD:
            return call_next

        async def authenticate(request: Any, context: Context) -> Any:
            user_id = UUID(getattr(request, rule.user_id_field))
            caller = current_caller.get()
            if caller is None:
                await self._check_password(rule, user_id, request.password, address_of(context))
            elif caller.user_id != user_id:
                raise invalid_token("The access token belongs to another user.")
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
    """Return the values of the `authorization` header if one is a bearer token, else none.

    Other schemes belong to something else, such as a proxy that requires a password.
    """
    values = values_of(AUTHORIZATION_KEY)
    return values if any(_BEARER.match(value) for value in values) else ()


def _access_token(values: Sequence[str]) -> str:
    """Return the access token. Raises Unauthenticated if it is malformed or repeated."""
    match = _ACCESS_TOKEN.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise invalid_token()
    return match[1]


def _has_password(method: Method, request: bytes) -> bool:
    """Check whether an encoded request contains a password."""
    try:
        return bool(method.request.FromString(request).password)  # type: ignore[attr-defined]
    except DecodeError:
        return False

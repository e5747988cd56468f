"""Authentication of callers, by the scheme that the contract declares for each method.

Access tokens and keys are in the metadata and are checked before the request is validated: callers
without one learn nothing about valid requests. A password is in the request. If there is one, only
it is checked: headers beside it belong to something else, such as a proxy in front.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol
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
    current_metadata,
    current_purchase,
)
from server.libraries.rpc.interceptor import CallNext, Interceptor
from server.libraries.rpc.method import Method

_WITH_CALLER = (Authentication.SCHEME_PASSWORD, Authentication.SCHEME_ACCESS_TOKEN)


class Credentials(NamedTuple):
    """The values of the headers `authorization` and `x-api-key` of a call."""

    authorization: Sequence[str] = ()
    api_keys: Sequence[str] = ()

    @classmethod
    def sent(cls) -> "Credentials":
        """Return the credentials of the current call; blank keys count as none."""
        authorization: list[str] = []
        api_keys: list[str] = []
        for name, value in current_metadata.get():
            if name == AUTHORIZATION_KEY:
                authorization.append(str(value))
            elif name == API_KEY_KEY and value.strip():
                api_keys.append(str(value))
        return cls(authorization, api_keys) if authorization or api_keys else NO_CREDENTIALS


NO_CREDENTIALS = Credentials()


class CallerChecker(Protocol):
    """A verifier of all credentials that identify a caller, except passwords."""

    async def authenticate(
        self, rule: Authentication, sent: Credentials, context: Context
    ) -> Caller | None:
        """Return the caller by the credentials that `rule` allows, None without any.

        Raises Unauthenticated if none is valid, PermissionDenied if a valid one does not allow the
        call, ResourceExhausted after too many wrong ones.
        """


class PasswordChecker(Protocol):
    """A verifier of users' passwords."""

    async def authenticate(self, user_id: UUID, password: str, address: str) -> None:
        """Check the password of a user.

        Raises Unauthenticated if it is wrong, NotFound if there is no such user, ResourceExhausted
        after too many wrong passwords.
        """


class PurchaseChecker(Protocol):
    """A verifier of purchase tokens, and of the API keys that replace them."""

    async def authenticate(self, rule: Authentication, sent: Credentials, address: str) -> object:
        """Return the purchase of the keys, or else of an `authorization` header.

        Raises Unauthenticated if there is none, PermissionDenied for a key without the scope,
        ResourceExhausted after too many wrong credentials from that address, Unavailable if the
        store is unreachable.
        """


class CallerInterceptor(Interceptor):
    """Authenticates callers by headers; rejects calls without any if the method requires them."""

    def __init__(self, methods: Mapping[str, Method], callers: CallerChecker) -> None:
        super().__init__(methods)
        self._callers = callers

    def wrap(self, method: Method, call_next: CallNext) -> CallNext:
        """Authenticate callers that send credentials or must send some."""
        rule = method.authentication
        if rule.scheme not in _WITH_CALLER:
            return call_next
        takes_password = rule.scheme == Authentication.SCHEME_PASSWORD

        async def authenticate(request: Any, context: Context) -> Any:
            sent = Credentials.sent()
            is_sent = sent is not NO_CREDENTIALS
            if not takes_password or (is_sent and not _has_password(method, request)):
                caller = await self._callers.authenticate(rule, sent, context)
                if caller is None and not takes_password:
                    raise Unauthenticated(
                        "The call needs `authorization: Bearer <access token>`.",
                        reason="ACCESS_TOKEN_MISSING",
                    )
                current_caller.set(caller)
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

        async def authenticate(request: Any, context: Context) -> Any:
            purchase = await self._purchases.authenticate(
                rule, Credentials.sent(), address_of(context)
            )
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
                kind = "token" if caller.key_id is None else "key"
                raise invalid_token(f"The access {kind} belongs to another user.")
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


def _has_password(method: Method, request: bytes) -> bool:
    """Check whether an encoded request contains a password."""
    try:
        return bool(method.request.FromString(request).password)  # type: ignore[attr-defined]
    except DecodeError:
        return False

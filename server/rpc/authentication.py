"""Proves who calls, as the contract says for the method."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from gymlocker.v2.options_pb2 import Authentication

from server.errors import NotFound, Unauthenticated
from server.rpc.interceptor import Context, Interceptor, Proceed
from server.rpc.method import Method


class Authenticator(Protocol):
    """Knows the users' passwords."""

    async def authenticate(self, user_id: UUID, password: str) -> None:
        """Returns if `password` is the user's.

        Raises Unauthenticated if it is not, NotFound if there is no such user.
        """


class AuthenticationInterceptor(Interceptor):
    """Lets a call through when its caller is who they say."""

    def __init__(self, methods: Mapping[str, Method], authenticator: Authenticator) -> None:
        super().__init__(methods)
        self._authenticator = authenticator

    async def intercept(
        self, method: Method, request: Any, context: Context, proceed: Proceed
    ) -> Any:
        """Authenticates one caller."""
        rule = method.authentication
        if rule.scheme == Authentication.SCHEME_PASSWORD:
            await self._check_password(rule, request)
        return await proceed(request)

    async def _check_password(self, rule: Authentication, request: Any) -> None:
        user_id = UUID(getattr(request, rule.user_id_field))
        try:
            await self._authenticator.authenticate(user_id, request.password)
        except NotFound:
            if rule.conceal_unknown_user:
                raise wrong_password() from None
            raise


def wrong_password() -> Unauthenticated:
    """The error for a password that is not the user's."""
    return Unauthenticated("The user id or the password is wrong.", reason="WRONG_PASSWORD")

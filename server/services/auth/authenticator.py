"""Check access tokens."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from server.errors import Unauthenticated
from server.libraries.rpc.context import Caller
from server.services.auth.tokens import AccessTokens


class Sessions(Protocol):
    """Where the sessions are."""

    async def is_alive(self, caller: Caller) -> bool:
        """Check whether the session goes on; that the caller's token was used is written down."""


class AccessTokenAuthenticator:
    """Knows whose access token it is, and whether their session goes on."""

    def __init__(
        self, tokens: AccessTokens, sessions: Sessions, *, touch: Callable[[UUID], None]
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._touch = touch

    async def authenticate(self, token: str) -> Caller:
        """Whose token it is. Raises Unauthenticated if it is not valid, or no longer."""
        caller = self._tokens.verify(token)
        if not await self._sessions.is_alive(caller):
            raise Unauthenticated("The session has ended. Log in again.", reason="SESSION_ENDED")
        self._touch(caller.user_id)
        return caller

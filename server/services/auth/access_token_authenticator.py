"""Authentication by access token."""

from collections.abc import Callable
from uuid import UUID

from server.errors import session_ended
from server.libraries.rpc.context import Caller
from server.services.auth.session_repository import SessionRepository
from server.services.auth.tokens import AccessTokens


class AccessTokenAuthenticator:
    """Authenticator that accepts an access token while its session is alive."""

    def __init__(
        self, tokens: AccessTokens, sessions: SessionRepository, *, touch: Callable[[UUID], None]
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._touch = touch

    async def authenticate(self, token: str) -> Caller:
        """Return the caller that `token` was issued to.

        Raise Unauthenticated if the token is not valid or its session has ended.
        """
        caller = self._tokens.verify(token)
        if not await self._sessions.is_alive(caller):
            raise session_ended()
        self._touch(caller.user_id)
        return caller

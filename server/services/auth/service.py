"""AuthService: accounts and sessions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import structlog
from google.api.httpbody_pb2 import HttpBody
from gymlocker.v2 import auth_pb2, auth_pb2_grpc

from server.errors import AlreadyExists, NotFound, Unauthenticated, no_such_user, wrong_password
from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.limits.rate_limits import NewUsers
from server.libraries.network.grpc_protocol import USER_AGENT_KEY
from server.libraries.rpc.authentication import Credentials
from server.libraries.rpc.context import Caller, Context, address_of, caller, values_of
from server.libraries.rpc.conversions import datetime_of, invalid_field
from server.services.auth.access_key_repository import (
    AccessKeyRepository,
    NewAccessKey,
    RequiredSession,
)
from server.services.auth.access_keys import new_key
from server.services.auth.export import CONTENT_TYPE, FILE_NAME, AccountExport
from server.services.auth.messages import (
    account_message,
    keys_message,
    new_key_message,
    sessions_message,
)
from server.services.auth.refresh_token import RotatingToken
from server.services.auth.session_repository import SessionRepository
from server.services.auth.tokens import AccessTokens
from server.services.auth.user_sessions import UserSessions
from server.services.credentials.guess_throttle import UsernameLimit
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import HashedPassword, PasswordHasher
from server.services.credentials.password_policy import acceptable_password
from server.services.credentials.password_repository import PasswordRepository
from server.services.credentials.registration import Registration
from server.services.credentials.username import login_keys, parse_username
from server.services.user.repository import UserRepository

# An access key may be created without the password for so long after a login.
RECENT_LOGIN = timedelta(minutes=10)
MAX_USER_AGENT = 200

_log = structlog.get_logger("auth")


class AuthService(auth_pb2_grpc.AuthServiceServicer):
    """Servicer of accounts and sessions."""

    def __init__(
        self,
        users: UserRepository,
        passwords: PasswordRepository,
        sessions: SessionRepository,
        hasher: PasswordHasher,
        authenticator: PasswordAuthenticator,
        tokens: AccessTokens,
        username_limit: UsernameLimit,
        new_users: NewUsers,
        registration: Registration,
        keys: AccessKeyRepository,
        user_sessions: UserSessions,
        export: AccountExport,
        hints: Hints,
    ) -> None:
        self._users = users
        self._new_users = new_users
        self._registration = registration
        self._keys = keys
        self._user_sessions = user_sessions
        self._export = export
        self._passwords = passwords
        self._sessions = sessions
        self._hasher = hasher
        self._authenticator = authenticator
        self._tokens = tokens
        self._username_limit = username_limit
        self._hints = hints

    async def Register(
        self, request: auth_pb2.RegisterRequest, context: Context
    ) -> auth_pb2.Account:
        """Create a user with a username and a password."""
        user_id, address = uuid4(), address_of(context)
        api_keys = Credentials.sent().api_keys
        invitation = await self._registration.admit(api_keys, request.invite_code, address)
        username = parse_username(request.username)
        password = acceptable_password(request.password, "password", request.username)
        # Before the new user is counted, so that a retry does not count a second one.
        self._hasher.require_capacity(address)
        await self._new_users.take(address)
        async with self._count_taken_username(address):
            # Before the name is looked up, so that probing for taken names costs a hash as well.
            hashed = await self._hasher.hash(password, address)
            await self._users.require_free(username)
            # Before the user is created: nothing may fail afterwards.
            await self._authenticator.remember(user_id, request.password, hashed, address)
            account = await self._users.create(user_id, hashed, username, invitation)
        return account_message(account)

    async def Login(self, request: auth_pb2.LoginRequest, context: Context) -> auth_pb2.Tokens:
        """Start a session."""
        found = await self._users.get_login(request.username)
        user_id, hashed = found or (None, None)
        account = str(user_id or login_keys(request.username)[-1])
        await self._authenticator.check(account, hashed, request.password, address_of(context))
        if user_id is None or hashed is None:
            # Unknown account: the dummy hash never matches.
            raise wrong_password()
        session, refresh_token = Caller(user_id, uuid4(), generation=1), RotatingToken.new()
        user_agent = _user_agent()
        if not await self._sessions.start(session, hashed, refresh_token, user_agent):
            raise wrong_password()
        return self._tokens_of(session, refresh_token)

    async def RefreshToken(
        self, request: auth_pb2.RefreshTokenRequest, context: Context
    ) -> auth_pb2.Tokens:
        """Extend a session with new tokens."""
        spent = RotatingToken(request.refresh_token)
        renewed = await self._sessions.rotate(spent)
        if renewed is None:
            if user_id := await self._sessions.end_reused(spent):
                self._hints.publish(Topic.ACCESS, user_id)
                _log.warning("session_ended", why="refresh token reused")
            raise Unauthenticated(
                "The refresh token is not valid. Log in again.", reason="INVALID_REFRESH_TOKEN"
            )
        return self._tokens_of(renewed.caller, renewed.refresh_token)

    async def Logout(
        self, request: auth_pb2.LogoutRequest, context: Context
    ) -> auth_pb2.LogoutResponse:
        """End a session."""
        if user_id := await self._sessions.end(RotatingToken(request.refresh_token)):
            self._hints.publish(Topic.ACCESS, user_id)
        return auth_pb2.LogoutResponse()

    async def GetMe(self, request: auth_pb2.GetMeRequest, context: Context) -> auth_pb2.Account:
        """Return the caller's account."""
        account = await self._users.get_account(caller().user_id)
        if account is None:
            raise no_such_user()
        return account_message(account)

    async def UpdateAccount(
        self, request: auth_pb2.UpdateAccountRequest, context: Context
    ) -> auth_pb2.Account:
        """Change settings of the caller's account."""
        import_backups = request.import_backups if request.HasField("import_backups") else None
        account = await self._users.update_account(caller().user_id, import_backups=import_backups)
        if account is None:
            raise no_such_user()
        return account_message(account)

    async def CreateAccessKey(
        self, request: auth_pb2.CreateAccessKeyRequest, context: Context
    ) -> auth_pb2.CreateAccessKeyResponse:
        """Create an access key."""
        me, expiry = caller(), None
        if request.HasField("expire_time"):
            expiry = datetime_of(request.expire_time, "expire_time")
            if expiry <= datetime.now(UTC):
                raise invalid_field("expire_time", "must be in the future")
        if request.password:
            await self._current_password(me.user_id, request.password, address_of(context))
        new = NewAccessKey(new_key(), request.name, list(request.scopes), expiry)
        session = RequiredSession(me.session_id, None if request.password else RECENT_LOGIN)
        return new_key_message(await self._keys.create(me.user_id, new, session), new.key)

    async def ListAccessKeys(
        self, request: auth_pb2.ListAccessKeysRequest, context: Context
    ) -> auth_pb2.ListAccessKeysResponse:
        """Return the caller's access keys."""
        return keys_message(await self._keys.list(caller().user_id))

    async def DeleteAccessKey(
        self, request: auth_pb2.DeleteAccessKeyRequest, context: Context
    ) -> auth_pb2.DeleteAccessKeyResponse:
        """Delete an access key of the caller."""
        user_id = caller().user_id
        if not await self._keys.delete(user_id, UUID(request.id)):
            raise NotFound("You have no such access key.", reason="ACCESS_KEY_NOT_FOUND")
        self._hints.publish(Topic.ACCESS, user_id)
        return auth_pb2.DeleteAccessKeyResponse()

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        """Return the caller's sessions."""
        me = caller()
        return sessions_message(await self._user_sessions.list(me.user_id), me)

    async def DeleteSession(
        self, request: auth_pb2.DeleteSessionRequest, context: Context
    ) -> auth_pb2.DeleteSessionResponse:
        """End a session of the caller."""
        user_id = caller().user_id
        if not await self._user_sessions.delete(user_id, UUID(request.id)):
            raise NotFound("You have no such session.", reason="SESSION_NOT_FOUND")
        self._hints.publish(Topic.ACCESS, user_id)
        return auth_pb2.DeleteSessionResponse()

    async def ExportAccount(
        self, request: auth_pb2.ExportAccountRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        """Stream all that is stored of the caller as a file."""
        disposition = f'attachment; filename="{FILE_NAME}"'
        headers_sent = False
        async for chunk in self._export.chunks(caller().user_id):
            if not headers_sent:
                await context.send_initial_metadata((("content-disposition", disposition),))
                headers_sent = True
            yield HttpBody(content_type=CONTENT_TYPE, data=chunk)

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Context
    ) -> auth_pb2.ChangePasswordResponse:
        """Change the caller's password and end their sessions."""
        user_id = caller().user_id
        address = address_of(context)
        mine = await self._users.get_account(user_id)
        username = mine.username if mine else None
        password = acceptable_password(request.new_password, "new_password", username)
        current = await self._current_password(user_id, request.current_password, address)
        replacement = await self._hasher.hash(password, address)
        if not await self._passwords.change(
            user_id, current, replacement, revoke_keys=request.revoke_keys
        ):
            raise wrong_password()
        self._hints.publish(Topic.ACCESS, user_id)
        return auth_pb2.ChangePasswordResponse()

    async def ClaimUsername(
        self, request: auth_pb2.ClaimUsernameRequest, context: Context
    ) -> auth_pb2.Account:
        """Give the caller a username."""
        username = parse_username(request.username)
        user_id, address = caller().user_id, address_of(context)
        async with self._count_taken_username(address):
            # Probing for taken names costs a hash, as in Register.
            await self._hasher.hash(username.typed, address)
            mine = await self._users.get_account(user_id)
            if mine is None or mine.username is None:
                await self._users.require_free(username)
            account = await self._users.claim_username(user_id, username)
        if account is None:
            if mine is None:
                raise no_such_user()
            raise AlreadyExists("You have another username.", reason="HAS_USERNAME")
        return account_message(account)

    @asynccontextmanager
    async def _count_taken_username(self, address: str) -> AsyncIterator[None]:
        """Count a username that is taken; raise ResourceExhausted if there were too many."""
        await self._username_limit.check_username(address)
        try:
            yield
        except AlreadyExists:
            await self._username_limit.username_was_taken(address)
            raise

    async def _current_password(self, user_id: UUID, password: str, address: str) -> HashedPassword:
        """Return the hash of the user's password after checking `password` against it."""
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        await self._authenticator.check(str(user_id), hashed, password, address)
        return hashed

    def _tokens_of(self, session: Caller, refresh_token: RotatingToken) -> auth_pb2.Tokens:
        return auth_pb2.Tokens(
            access_token=self._tokens.issue(session),
            token_type="bearer",  # noqa: S106 - a type of token, not one
            expires_in=self._tokens.lifetime_seconds,
            refresh_token=refresh_token.text,
        )


def _user_agent() -> str | None:
    """Return the beginning of the call's user agent, None without one."""
    values = values_of(USER_AGENT_KEY)
    return values[0][:MAX_USER_AGENT] if values else None

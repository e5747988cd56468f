"""AuthService: accounts, and the sessions of those who log in."""

import hashlib
import secrets
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog
from gymlocker.v2 import auth_pb2, auth_pb2_grpc

from server.auth.authenticator import PasswordAuthenticator
from server.auth.password import HashedPassword, PasswordHasher
from server.auth.repository import PasswordRepository, SessionRepository
from server.auth.tokens import AccessTokens
from server.bounds.limits import NewUsers
from server.errors import AlreadyExists, InvalidArgument, Unauthenticated, no_such_user
from server.rpc.authentication import wrong_password
from server.rpc.caller import Caller, address_of, caller
from server.text import caseless, uuid_in
from server.user.repository import UserRepository

REFRESH_TOKEN_BYTES = 32
# Tokens are nothing to keep for a cache on the way: RFC 6749, 5.1.
NO_STORE = (("cache-control", "no-store"),)

_log = structlog.get_logger("auth")


class AuthService(auth_pb2_grpc.AuthServiceServicer):
    """Registers people, logs them in and out."""

    def __init__(
        self,
        users: UserRepository,
        passwords: PasswordRepository,
        sessions: SessionRepository,
        hasher: PasswordHasher,
        authenticator: PasswordAuthenticator,
        tokens: AccessTokens,
        new_users: NewUsers,
    ) -> None:
        self._users = users
        self._new_users = new_users
        self._passwords = passwords
        self._sessions = sessions
        self._hasher = hasher
        self._authenticator = authenticator
        self._tokens = tokens

    async def Register(self, request: auth_pb2.RegisterRequest, context: Any) -> auth_pb2.Account:
        """Creates a user with a username and a password."""
        _require_name(request.username)
        address = address_of(context)
        await self._new_users.take(address)
        await self._users.require_free(request.username)
        user_id = uuid4()
        hashed = await self._hasher.hash(request.password, address)
        row = await self._users.create(user_id, hashed, request.username)
        self._authenticator.remember(user_id, request.password, hashed)
        return _account(row)

    async def Login(self, request: auth_pb2.LoginRequest, context: Any) -> auth_pb2.Tokens:
        """Starts a session."""
        found = await self._users.get_login(request.username)
        user_id, hashed = found or (None, None)
        account = str(user_id or caseless(request.username))
        await self._authenticator.check(account, hashed, request.password, address_of(context))
        if user_id is None or hashed is None:
            # Nobody's password was just checked; that it was right cannot be.
            raise wrong_password()
        session = Caller(user_id, uuid4())
        refresh_token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
        if not await self._sessions.start(
            user_id, hashed, session.session_id, _hash_of(refresh_token)
        ):
            raise wrong_password()
        await context.send_initial_metadata(NO_STORE)
        return self._tokens_of(session, refresh_token)

    async def RefreshToken(
        self, request: auth_pb2.RefreshTokenRequest, context: Any
    ) -> auth_pb2.Tokens:
        """Goes on with a session."""
        spent = _hash_of(request.refresh_token)
        refresh_token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
        session = await self._sessions.go_on(spent, _hash_of(refresh_token))
        if session is None:
            if await self._sessions.end_if_used(spent):
                _log.warning("a refresh token came back; its session was ended")
            raise Unauthenticated(
                "The refresh token is not valid. Log in again.", reason="INVALID_REFRESH_TOKEN"
            )
        await context.send_initial_metadata(NO_STORE)
        return self._tokens_of(session, refresh_token)

    async def Logout(
        self, request: auth_pb2.LogoutRequest, context: Any
    ) -> auth_pb2.LogoutResponse:
        """Ends a session."""
        await self._sessions.end(_hash_of(request.refresh_token))
        return auth_pb2.LogoutResponse()

    async def GetMe(self, request: auth_pb2.GetMeRequest, context: Any) -> auth_pb2.Account:
        """Reads the caller's account."""
        row = await self._users.get_account(caller().user_id)
        if row is None:
            raise no_such_user()
        return _account(row)

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Any
    ) -> auth_pb2.ChangePasswordResponse:
        """Changes the caller's password and ends their sessions."""
        user_id = caller().user_id
        address = address_of(context)
        until_now = await self._current_password(user_id, request.current_password, address)
        from_now = await self._hasher.hash(request.new_password, address)
        if not await self._passwords.change(user_id, until_now, from_now):
            raise wrong_password()
        return auth_pb2.ChangePasswordResponse()

    async def ClaimUsername(
        self, request: auth_pb2.ClaimUsernameRequest, context: Any
    ) -> auth_pb2.Account:
        """Gives the caller a username."""
        _require_name(request.username)
        user_id = caller().user_id
        mine = await self._users.get_account(user_id)
        if mine is None or mine["username"] is None:
            await self._users.require_free(request.username)
        row = await self._users.claim_username(user_id, request.username)
        if row is None:
            if await self._users.get_account(user_id) is None:
                raise no_such_user()
            raise AlreadyExists("You have another username.", reason="HAS_USERNAME")
        return _account(row)

    async def _current_password(self, user_id: UUID, password: str, address: str) -> HashedPassword:
        """The hash of the user's password, if `password` is it."""
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        await self._authenticator.check(str(user_id), hashed, password, address)
        return hashed

    def _tokens_of(self, session: Caller, refresh_token: str) -> auth_pb2.Tokens:
        return auth_pb2.Tokens(
            access_token=self._tokens.issue(session),
            token_type="bearer",  # noqa: S106 - a kind of token, not one
            expires_in=self._tokens.lifetime_seconds,
            refresh_token=refresh_token,
        )


def _require_name(username: str) -> None:
    """Raises InvalidArgument for a name that would be taken for an id at the login."""
    if uuid_in(username) is not None:
        problem = "username: a UUID is no username"
        raise InvalidArgument(problem, violations=[("username", problem)])


def _hash_of(refresh_token: str) -> bytes:
    """What is stored of a token. It is random: one round of a fast hash is as good as any."""
    return hashlib.sha256(refresh_token.encode()).digest()


def _account(row: asyncpg.Record) -> auth_pb2.Account:
    return auth_pb2.Account(
        id=str(row["id"]),
        lookup=row["user_lookup"],
        username=row["username"],
        created=row["created"],
    )

"""UserService: identities of the encrypted feed."""

from typing import Any
from uuid import UUID, uuid4

from gymlocker.v2 import user_pb2, user_pb2_grpc

from server.errors import PermissionDenied, no_such_user
from server.libraries.hints.hint import Topic
from server.libraries.hints.hints import Hints
from server.libraries.limits.rate_limits import NewUsers
from server.libraries.rpc.authentication import Credentials
from server.libraries.rpc.context import Context, address_of, current_caller
from server.libraries.rpc.large_responses import LARGE_BYTES, LargeResponses
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_hashing import PasswordHasher
from server.services.credentials.registration import Registration
from server.services.user.repository import Profile, UserRepository


class UserService(user_pb2_grpc.UserServiceServicer):
    """Users of the encrypted feed and their profiles."""

    def __init__(
        self,
        users: UserRepository,
        hasher: PasswordHasher,
        authenticator: PasswordAuthenticator,
        new_users: NewUsers,
        registration: Registration,
        large_responses: LargeResponses,
        hints: Hints,
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._authenticator = authenticator
        self._new_users = new_users
        self._registration = registration
        self._large_responses = large_responses
        self._hints = hints

    async def CreateUser(
        self, request: user_pb2.CreateUserRequest, context: Context
    ) -> user_pb2.CreateUserResponse:
        """Create an anonymous user."""
        user_id, password, address = uuid4(), str(uuid4()), address_of(context)
        api_keys = Credentials.sent().api_keys
        invitation = await self._registration.admit(api_keys, request.invite_code, address)
        # Before the user is counted, so that a retry does not count as another one.
        self._hasher.require_capacity(address)
        await self._new_users.take(address)
        hashed = await self._hasher.hash(password, address)
        # Before the user is stored: nothing must fail afterwards.
        await self._authenticator.remember(user_id, password, hashed, address)
        account = await self._users.create(user_id, hashed, invitation=invitation)
        return user_pb2.CreateUserResponse(
            id=str(user_id), lookup=account.lookup, password=password
        )

    async def GetUser(
        self, request: user_pb2.GetUserRequest, context: Context
    ) -> user_pb2.GetUserResponse:
        """Return one profile."""
        profile = await self._users.get(request.id_or_lookup)
        if profile is None:
            raise no_such_user()
        return profile

    async def UpdateUser(
        self, request: user_pb2.UpdateUserRequest, context: Context
    ) -> user_pb2.UpdateUserResponse:
        """Replace the caller's profile."""
        profile = Profile(
            encrypted_current_plan=_optional(request, "encrypted_current_plan"),
            encrypted_profile_picture=_optional(request, "encrypted_profile_picture"),
            encrypted_name=_optional(request, "encrypted_name"),
            encryption_iv=request.encryption_iv,
            rsa_public_key=request.rsa_public_key,
        )
        caller = current_caller.get()
        # A key that was stolen must not redirect what others encrypt for its user.
        keep_key = caller is not None and caller.key_id is not None
        if not await self._users.update(UUID(request.id), profile, keep_key=keep_key):
            raise _public_key_kept() if keep_key else no_such_user()
        return user_pb2.UpdateUserResponse()

    async def DeleteUser(
        self, request: user_pb2.DeleteUserRequest, context: Context
    ) -> user_pb2.DeleteUserResponse:
        """Delete the caller."""
        user_id = UUID(request.id)
        if not await self._users.delete(user_id):
            raise no_such_user()
        self._hints.publish(Topic.ACCESS, user_id)
        return user_pb2.DeleteUserResponse()

    async def GetUsers(
        self, request: user_pb2.GetUsersRequest, context: Context
    ) -> user_pb2.GetUsersResponse:
        """Return many profiles."""
        ids = [UUID(user_id) for user_id in request.ids]
        found = await self._users.get_many(ids, max_bytes=LARGE_BYTES)
        if found.picture_bytes > LARGE_BYTES:
            async with self._large_responses.acquire(context, found.picture_bytes):
                found = await self._users.get_many(ids)
        return found.response


def _public_key_kept() -> PermissionDenied:
    return PermissionDenied(
        "Access keys must not set or replace rsaPublicKey. Send the password or an access token.",
        reason="SCOPE_MISSING",
    )


def _optional(request: user_pb2.UpdateUserRequest, field: Any) -> bytes | None:
    return getattr(request, field) if request.HasField(field) else None

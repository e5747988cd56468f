"""Changes of the operator to users, each of whom is named as at login."""

import secrets
from uuid import UUID, uuid4

from server.errors import AlreadyExists, InvalidArgument, StartError
from server.libraries.database.pool import Database
from server.programs.administration.hints import publish_access
from server.programs.administration.user_repository import ListedUser, UserAdministration
from server.services.auth.disabling import Disabling
from server.services.credentials.password_hashing import HashedPassword
from server.services.credentials.password_policy import acceptable_password
from server.services.credentials.username import Username, parse_username
from server.services.user.repository import LOOKUP_ALPHABET, UserRepository

# 99 bits, in groups that can be read aloud.
GENERATED_GROUPS, GENERATED_LENGTH = 4, 5


async def find(database: Database, name: str) -> ListedUser:
    """Return the user with this username, lookup or id. Raises StartError if there is none."""
    found = await UserRepository(database).get_login(name)
    user = await UserAdministration(database).get(found[0]) if found else None
    if user is None:
        raise no_such_user(name)
    return user


def no_such_user(name: str) -> StartError:
    """Return the error for a name without a user."""
    return StartError(f"There is no user {name!r}: `gymlocker users list` shows all of them.")


def valid_username(name: str) -> Username:
    """Return a new username. Raises StartError if it is not valid."""
    try:
        return parse_username(name)
    except InvalidArgument as error:
        raise StartError(f"{error.message}.") from None


def hashed(password: str, username: str | None) -> HashedPassword:
    """Return the hash of a new password. Raises StartError if it is easy to guess."""
    try:
        return HashedPassword.of(acceptable_password(password, "password", username))
    except InvalidArgument as error:
        raise StartError(f"{error.message}.") from None


def generated_password() -> str:
    """Return a random password."""
    return "-".join(
        "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(GENERATED_LENGTH))
        for _ in range(GENERATED_GROUPS)
    )


async def create(database: Database, username: Username, password: HashedPassword) -> ListedUser:
    """Create an account. Raises StartError if the username is taken."""
    users = UserRepository(database)
    try:
        await users.require_free(username)
        account = await users.create(uuid4(), password, username)
    except AlreadyExists:
        raise StartError(f"The username {username.typed!r} is taken: choose another.") from None
    return await _read(database, account.id)


async def set_disabled(database: Database, name: str, *, disabled: bool) -> ListedUser:
    """Disable or enable a user; return them as they are now."""
    user = await find(database, name)
    users = Disabling(database)
    await (users.disable(user.id) if disabled else users.enable(user.id))
    await publish_access(database, user.id)
    return await _read(database, user.id)


async def reset_password(
    database: Database, name: str, password: str, *, revoke_keys: bool
) -> ListedUser:
    """Replace a user's password and end their sessions, and if `revoke_keys` their access keys."""
    user = await find(database, name)
    if not user.has_login:
        raise StartError(f"{user.name} is an identity without a login: it has no password.")
    replacement = hashed(password, user.username)
    users = UserAdministration(database)
    if not await users.set_password(user.id, replacement, revoke_keys=revoke_keys):
        raise no_such_user(name)
    await publish_access(database, user.id)
    return user


async def delete(database: Database, user_id: UUID) -> None:
    """Delete a user with all of their data."""
    await UserRepository(database).delete(user_id)
    await publish_access(database, user_id)


async def _read(database: Database, user_id: UUID) -> ListedUser:
    user = await UserAdministration(database).get(user_id)
    if user is None:
        raise StartError("The user was deleted in the meantime.")
    return user

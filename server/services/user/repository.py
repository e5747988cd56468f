"""The repository of users: their profiles in the feed, and their accounts."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from gymlocker.v2 import user_pb2

from server.errors import AlreadyExists
from server.libraries.common.text import is_uuid, uuid_in
from server.libraries.database.pool import Connection, Database
from server.services.credentials.password_hashing import HashedPassword
from server.services.credentials.password_repository import hashed_password
from server.services.credentials.registration import registration_key_required
from server.services.credentials.username import Username, login_keys
from server.services.user import statements

LOOKUP_CHARACTERS = 12
# Without characters that are mistaken for one another when read aloud or copied by hand.
LOOKUP_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
# A collision of random lookups is extremely rare.
LOOKUP_ATTEMPTS = 5
UNLIMITED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Profile:
    """Fields of a profile that its user may change; None: not given."""

    encrypted_current_plan: bytes | None
    encrypted_profile_picture: bytes | None
    encrypted_name: bytes | None
    encryption_iv: bytes
    rsa_public_key: bytes


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """Profiles by id, and the size of all their pictures, even if these were left out."""

    response: user_pb2.GetUsersResponse
    picture_bytes: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account; users without one have no username."""

    id: UUID
    lookup: str
    username: str | None
    created: datetime
    import_backups: bool


class UserRepository:
    """All users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        user_id: UUID,
        hashed: HashedPassword,
        username: Username | None = None,
        invitation: bytes | None = None,
    ) -> Account:
        """Store a new user, and use up the invitation with this hash, if there is one.

        Raise AlreadyExists if the username is taken, PermissionDenied if the invitation is not
        valid any more; then nothing is used up.
        """

        async def action(connection: Connection) -> Account:
            if invitation is not None and not await connection.fetchval(
                statements.USE_INVITATION.sql, invitation
            ):
                raise registration_key_required()
            return await insert_user(connection, user_id, hashed, username)

        return await self._database.transact(action)

    async def get(self, id_or_lookup: str) -> user_pb2.GetUserResponse | None:
        """Return the profile of one user, or None if there is no such user."""
        if is_uuid(id_or_lookup):
            row = await self._database.fetch_one(statements.GET_USER, id=id_or_lookup)
        else:
            row = await self._database.fetch_one(statements.GET_USER_BY_LOOKUP, lookup=id_or_lookup)
        return _profile(row) if row else None

    async def get_many(self, ids: Sequence[UUID], *, max_bytes: int = UNLIMITED) -> FoundUsers:
        """Return the profiles of those of `ids` that exist.

        If their pictures are larger than `max_bytes` together, the profiles have no pictures.
        """
        rows = await self._database.fetch(statements.GET_USERS, ids=ids, max_bytes=max_bytes)
        found = FoundUsers(
            user_pb2.GetUsersResponse(), picture_bytes=rows[0]["picture_bytes"] if rows else 0
        )
        # Each row is dropped once it is copied, so that only one picture is in memory twice.
        while rows:
            row = rows.pop()
            found.response.users[str(row["id"])].MergeFrom(_profile(row))
        return found

    async def update(self, user_id: UUID, profile: Profile, *, keep_key: bool = False) -> bool:
        """Replace the user's profile; return False if there is no such user.

        With `keep_key`, also return False, and change nothing, if the public key differs.
        """
        statement = statements.UPDATE_USER_WITH_SAME_KEY if keep_key else statements.UPDATE_USER
        return bool(await self._database.fetch_one(statement, user_id=user_id, **asdict(profile)))

    async def delete(self, user_id: UUID) -> bool:
        """Delete the user and all of their data; return False if there is no such user."""
        return bool(await self._database.fetch_one(statements.DELETE_USER, user_id=user_id))

    async def get_account(self, user_id: UUID) -> Account | None:
        """Return the user's account, or None if there is no such user."""
        row = await self._database.fetch_one(statements.GET_ACCOUNT, user_id=user_id)
        return _account(row) if row else None

    async def get_login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """Return the user with this id, username or lookup, and the hash of their password."""
        user_id = uuid_in(name)
        if user_id is not None:
            row = await self._database.fetch_one(statements.GET_LOGIN_BY_ID, id=user_id)
        else:
            row = await self._database.fetch_one(
                statements.GET_LOGIN_BY_NAME, username_keys=login_keys(name), name=name
            )
        return (row["id"], hashed_password(row)) if row else None

    async def require_free(self, username: Username) -> None:
        """Raise AlreadyExists if `username` is taken, as a username or as a lookup."""
        if await self._database.fetch_one(statements.FIND_USERNAME, **_names(username)):
            raise username_taken()

    async def claim_username(self, user_id: UUID, username: Username) -> Account | None:
        """Give the user a username, or change the spelling of theirs; return the account.

        Return None if they have another username or do not exist. Raise AlreadyExists if it is
        taken.
        """
        try:
            row = await self._database.fetch_one(
                statements.CLAIM_USERNAME,
                user_id=user_id,
                username=username.typed,
                new_username_key=username.key,
                username_keys=username.keys,
            )
        except asyncpg.UniqueViolationError:
            raise username_taken() from None
        return _account(row) if row else None

    async def update_account(self, user_id: UUID, *, import_backups: bool | None) -> Account | None:
        """Change settings of an account, None: keep; return it, or None if it does not exist."""
        row = await self._database.fetch_one(
            statements.UPDATE_ACCOUNT, user_id=user_id, import_backups=import_backups
        )
        return _account(row) if row else None

    async def touch(self, ids: Collection[UUID]) -> None:
        """Set the last access of these users to today."""
        await self._database.execute(statements.TOUCH_USERS, ids=list(ids))


async def insert_user(
    connection: Connection,
    user_id: UUID,
    hashed: HashedPassword,
    username: Username | None = None,
) -> Account:
    """Store a new user within a transaction. Raise AlreadyExists if the username is taken."""
    for _ in range(LOOKUP_ATTEMPTS):
        lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(LOOKUP_CHARACTERS))
        values = {
            "id": user_id,
            "lookup": lookup,
            "hashed_password": hashed.key,
            "salt": hashed.salt,
            "username": username and username.typed,
            "username_key": username and username.key,
        }
        create, find = statements.CREATE_USER, statements.FIND_USERNAME
        row = await connection.fetchrow(create.sql, *create.arguments(values))
        if row is not None:
            return _account(row)
        if username is not None and await connection.fetchrow(
            find.sql, *find.arguments(_names(username))
        ):
            raise username_taken()
    raise RuntimeError(f"{LOOKUP_ATTEMPTS} new lookups were all taken")


def username_taken() -> AlreadyExists:
    """Return the error for a username that another user has."""
    return AlreadyExists("The username is taken.", reason="USERNAME_TAKEN")


def _account(row: asyncpg.Record) -> Account:
    return Account(
        row["id"], row["user_lookup"], row["username"], row["created"], row["import_backups"]
    )


def _names(username: Username) -> dict[str, object]:
    return {"username_keys": username.keys, "name": username.typed}


def _profile(row: asyncpg.Record) -> user_pb2.GetUserResponse:
    return user_pb2.GetUserResponse(
        id=str(row["id"]),
        lookup=row["user_lookup"],
        encrypted_current_plan=row["encrypted_current_plan"],
        encrypted_profile_picture=row["encrypted_profile_picture"],
        encrypted_name=row["encrypted_name"],
        encryption_iv=row["encryption_iv"],
        rsa_public_key=row["rsa_public_key"],
    )

"""The SQL of users: their profiles in the feed, and their accounts."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from server.errors import AlreadyExists
from server.libraries.common.text import is_uuid, uuid_in
from server.libraries.database.pool import Database
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.database.time import start_of_day
from server.services.credentials.hashing import HashedPassword
from server.services.credentials.repository import hashed_password, is_guessed
from server.services.credentials.username import Username, login_keys

LOOKUP_CHARACTERS = 12
# Without characters that are mistaken for one another when they are read aloud or copied by hand.
LOOKUP_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
# How many new lookups are tried: one that is somebody's already is as rare as can be.
LOOKUPS = 5
UNBOUNDED = 2**63 - 1

_PROFILE = (
    users.c.id,
    users.c.user_lookup,
    users.c.encrypted_current_plan,
    users.c.encrypted_profile_picture,
    users.c.encrypted_name,
    users.c.encryption_iv,
    users.c.rsa_public_key,
)

_ACCOUNT = (users.c.id, users.c.user_lookup, users.c.username, users.c.created)

_CREATE = Statement(
    insert(users)
    .values(
        id=bindparam("id"),
        user_lookup=bindparam("lookup"),
        hashed_password=bindparam("hashed_password"),
        salt=bindparam("salt"),
        created=func.now(),
        last_accessed=start_of_day(),
        encryption_iv=b"",
        rsa_public_key=b"",
        username=bindparam("username"),
        username_key=bindparam("username_key"),
    )
    # No row instead of an error, which PostgreSQL would log.
    .on_conflict_do_nothing()
    .returning(*_ACCOUNT)
)
_GET_BY_ID = Statement(select(*_PROFILE).where(users.c.id == bindparam("id")))
_GET_BY_LOOKUP = Statement(select(*_PROFILE).where(users.c.user_lookup == bindparam("lookup")))


def _get_many() -> Statement:
    """Also says how large all pictures are, and leaves them out if that is more than wanted."""
    size = func.sum(func.octet_length(users.c.encrypted_profile_picture)).over()
    found = (
        select(*_PROFILE, func.coalesce(size, 0).label("picture_bytes"))
        .where(users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
        .subquery("found")
    )
    small_enough = found.c.picture_bytes <= bindparam("max_bytes", type_=BigInteger)
    picture = case((small_enough, found.c.encrypted_profile_picture))
    others = (column for column in found.c if column.name != "encrypted_profile_picture")
    return Statement(select(*others, picture.label("encrypted_profile_picture")))


_GET_MANY = _get_many()
_UPDATE = Statement(
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(
        encrypted_current_plan=bindparam("encrypted_current_plan"),
        encrypted_profile_picture=bindparam("encrypted_profile_picture"),
        encrypted_name=bindparam("encrypted_name"),
        encryption_iv=bindparam("encryption_iv"),
        rsa_public_key=bindparam("rsa_public_key"),
        last_accessed=start_of_day(),
    )
    .returning(users.c.id)
)
_TOUCH = Statement(
    update(users)
    .where(
        users.c.id.in_(
            # In the order of the ids, and without waiting: two workers may say the same at once.
            select(users.c.id)
            .where(
                users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
                users.c.last_accessed < start_of_day(),
            )
            .order_by(users.c.id)
            # Not those whose row is being changed; calls that refer to it are no hindrance.
            .with_for_update(key_share=True, skip_locked=True)
        )
    )
    .values(last_accessed=start_of_day())
)
_GET_ACCOUNT = Statement(select(*_ACCOUNT).where(users.c.id == bindparam("user_id")))
_LOGIN = select(users.c.id, users.c.hashed_password, users.c.salt, is_guessed())
_GET_LOGIN_BY_ID = Statement(_LOGIN.where(users.c.id == bindparam("id")))
_KEYS = bindparam("username_keys", type_=ARRAY(Text))
_has_key = users.c.username_key == any_(_KEYS)
_is_lookup = users.c.user_lookup == bindparam("name")
# A lookup comes first: nobody can choose it, so nobody can stand in somebody's way with it. Then
# the key that the name had before names were folded further, for its owner goes on using it.
_GET_LOGIN_BY_NAME = Statement(
    _LOGIN.where(or_(_has_key, _is_lookup))
    .order_by(_is_lookup.desc(), func.array_position(_KEYS, users.c.username_key))
    .limit(1)
)
_IS_TAKEN = Statement(
    select(literal(1)).where(or_(_has_key, _is_lookup, users.c.user_lookup == any_(_KEYS))).limit(1)
)
_CLAIM = Statement(
    update(users)
    .where(
        users.c.id == bindparam("user_id"),
        or_(users.c.username_key.is_(None), _has_key),
    )
    .values(username=bindparam("username"), username_key=bindparam("new_username_key"))
    .returning(*_ACCOUNT)
)
# What goes with a user can be the diary of many years.
_DELETE = Statement(
    delete(users).where(users.c.id == bindparam("user_id")).returning(users.c.id), seconds=20.0
)


@dataclass(frozen=True)
class Profile:
    """What a user may change about themselves. None: not given."""

    encrypted_current_plan: bytes | None
    encrypted_profile_picture: bytes | None
    encrypted_name: bytes | None
    encryption_iv: bytes
    rsa_public_key: bytes


class UserRepository:
    """The users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, user_id: UUID, hashed: HashedPassword, username: Username | None = None
    ) -> asyncpg.Record:
        """Stores a new user; returns their id, user_lookup, username and created.

        Raises AlreadyExists if the username is taken.
        """
        for _ in range(LOOKUPS):
            lookup = "".join(secrets.choice(LOOKUP_ALPHABET) for _ in range(LOOKUP_CHARACTERS))
            row = await self._database.fetch_one(
                _CREATE,
                id=user_id,
                lookup=lookup,
                hashed_password=hashed.key,
                salt=hashed.salt,
                username=username and username.typed,
                username_key=username and username.key,
            )
            if row is not None:
                return row
            if username is not None:
                await self.require_free(username)
        raise RuntimeError(f"{LOOKUPS} new lookups were all somebody's")

    async def get(self, id_or_lookup: str) -> asyncpg.Record | None:
        """The profile of one user, None if there is no such user."""
        if is_uuid(id_or_lookup):
            return await self._database.fetch_one(_GET_BY_ID, id=id_or_lookup)
        return await self._database.fetch_one(_GET_BY_LOOKUP, lookup=id_or_lookup)

    async def get_many(
        self, ids: Sequence[UUID], *, max_bytes: int = UNBOUNDED
    ) -> list[asyncpg.Record]:
        """The profiles of those of `ids` that exist, in no particular order.

        Each says in `picture_bytes` how large the pictures of all are together. If that is more
        than `most_bytes`, there are none.
        """
        return await self._database.fetch(_GET_MANY, ids=ids, max_bytes=max_bytes)

    async def update(self, user_id: UUID, profile: Profile) -> bool:
        """Replaces the user's profile; False if there is no such user."""
        return bool(
            await self._database.fetch_one(
                _UPDATE,
                user_id=user_id,
                encrypted_current_plan=profile.encrypted_current_plan,
                encrypted_profile_picture=profile.encrypted_profile_picture,
                encrypted_name=profile.encrypted_name,
                encryption_iv=profile.encryption_iv,
                rsa_public_key=profile.rsa_public_key,
            )
        )

    async def delete(self, user_id: UUID) -> bool:
        """Deletes the user and all that is theirs; False if there is no such user."""
        return bool(await self._database.fetch_one(_DELETE, user_id=user_id))

    async def get_account(self, user_id: UUID) -> asyncpg.Record | None:
        """The user's id, user_lookup, username and created; None if there is no such user."""
        return await self._database.fetch_one(_GET_ACCOUNT, user_id=user_id)

    async def get_login(self, name: str) -> tuple[UUID, HashedPassword] | None:
        """The user whose id, username or lookup it is, and the hash of their password."""
        user_id = uuid_in(name)
        if user_id is not None:
            row = await self._database.fetch_one(_GET_LOGIN_BY_ID, id=user_id)
        else:
            row = await self._database.fetch_one(
                _GET_LOGIN_BY_NAME, username_keys=login_keys(name), name=name
            )
        return (row["id"], hashed_password(row)) if row else None

    async def require_free(self, username: Username) -> None:
        """Raises AlreadyExists if `username` is somebody's, as a username or as a lookup."""
        taken = await self._database.fetch_one(
            _IS_TAKEN, username_keys=username.keys, name=username.typed
        )
        if taken:
            raise username_taken()

    async def claim_username(self, user_id: UUID, username: Username) -> asyncpg.Record | None:
        """Gives the user a username, or another spelling of theirs; returns the account.

        None if they have another username, or are no more. Raises AlreadyExists if it is taken.
        """
        try:
            return await self._database.fetch_one(
                _CLAIM,
                user_id=user_id,
                username=username.typed,
                new_username_key=username.key,
                username_keys=username.keys,
            )
        except asyncpg.UniqueViolationError:
            raise username_taken() from None

    async def touch(self, ids: Collection[UUID]) -> None:
        """Notes that these users were there, precise to a day."""
        await self._database.execute(_TOUCH, ids=list(ids))


def username_taken() -> AlreadyExists:
    """The error for a username that is somebody's."""
    return AlreadyExists("The username is taken.", reason="USERNAME_TAKEN")

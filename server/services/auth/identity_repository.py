"""SQL of identities without a login: the one of the server's shared key, and forwarded names.

An identity is a user without a username and without a password. A forwarded name may be linked to
an account; then that account is the user.
"""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import identities, users
from server.libraries.database.statement import Statement
from server.services.credentials.password_hashing import HashedPassword
from server.services.user.repository import insert_user

DEFAULT = "default"
FORWARDED = "forwarded"

_IS_NAMED = (identities.c.kind == bindparam("kind"), identities.c.name == bindparam("name"))
_FIND = Statement(
    select(
        identities.c.user_id,
        (users.c.hashed_password != HashedPassword.UNUSABLE).label("has_account"),
        users.c.disabled.is_not(None).label("is_disabled"),
    )
    .join(users, users.c.id == identities.c.user_id)
    .where(*_IS_NAMED)
)
# Until the end of the transaction, for only one of two concurrent calls may create the user.
_named = bindparam("kind", type_=Text) + " " + bindparam("name", type_=Text)
LOCK = Statement(select(func.pg_advisory_xact_lock(func.hashtextextended(_named, 0))))
_CREATE = Statement(
    insert(identities).values(
        kind=bindparam("kind"), name=bindparam("name"), user_id=bindparam("user_id")
    )
)


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of an identity. `has_account` is true if it is linked to an account."""

    user_id: UUID
    has_account: bool
    is_disabled: bool


class IdentityRepository:
    """Store of identities, which are created when they are first seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def default(self) -> Identity:
        """Return the identity of the server's shared key."""
        return await self._get_or_create(DEFAULT, "")

    async def forwarded(self, name: str) -> Identity:
        """Return the identity of a name that a trusted proxy has authenticated."""
        return await self._get_or_create(FORWARDED, name)

    async def _get_or_create(self, kind: str, name: str) -> Identity:
        row = await self._database.fetch_one(_FIND, kind=kind, name=name)
        return Identity(**row) if row else await self._create(kind, name)

    async def _create(self, kind: str, name: str) -> Identity:
        async def action(connection: Connection) -> Identity:
            named = {"kind": kind, "name": name}
            await connection.execute(LOCK.sql, *LOCK.arguments(named))
            row = await connection.fetchrow(_FIND.sql, *_FIND.arguments(named))
            if row is not None:
                return Identity(**row)
            user = await insert_user(connection, uuid4(), HashedPassword.unusable())
            created = {**named, "user_id": user.id}
            await connection.execute(_CREATE.sql, *_CREATE.arguments(created))
            return Identity(user.id, has_account=False, is_disabled=False)

        return await self._database.transact(action)

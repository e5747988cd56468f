"""The SQL of passwords."""

from uuid import UUID

from sqlalchemy import bindparam, select

from server.auth.password import HashedPassword
from server.database.engine import Database
from server.database.schema import users
from server.database.statement import Statement

_GET = Statement(
    select(users.c.hashed_password, users.c.salt).where(users.c.id == bindparam("user_id"))
)


class PasswordRepository:
    """The stored hashes of the users' passwords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UUID) -> HashedPassword | None:
        """The user's hash, None if there is no such user."""
        row = await self._database.fetch_one(_GET, user_id=user_id)
        return HashedPassword(row["hashed_password"], row["salt"]) if row else None

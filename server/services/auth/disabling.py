"""SQL of users whom the operator disables."""

from uuid import UUID

from sqlalchemy import bindparam, delete, func, null, update

from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import sessions, users
from server.libraries.database.statement import Statement

_IS_USER = users.c.id == bindparam("user_id")
_DISABLE = Statement(
    update(users)
    .where(_IS_USER)
    .values(disabled=func.coalesce(users.c.disabled, func.now()))
    .returning(users.c.id)
)
_ENABLE = Statement(update(users).where(_IS_USER).values(disabled=null()).returning(users.c.id))
_END_SESSIONS = Statement(delete(sessions).where(sessions.c.user_id == bindparam("user_id")))


class Disabling:
    """Switch of users. A disabled one is refused, whatever the credentials, and keeps all data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def disable(self, user_id: UUID) -> bool:
        """Disable a user and end their sessions; return False if there is no such user."""

        async def action(connection: Connection) -> bool:
            if await connection.fetchval(_DISABLE.sql, user_id) is None:
                return False
            # A separate statement, which sees the session of a login that the first waited for.
            await connection.execute(_END_SESSIONS.sql, user_id)
            return True

        return await self._database.transact(action)

    async def enable(self, user_id: UUID) -> bool:
        """Enable a user again, who has to log in; return False if there is no such user."""
        return bool(await self._database.fetch_one(_ENABLE, user_id=user_id))

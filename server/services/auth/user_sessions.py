"""SQL of a user's sessions, as the user sees them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, literal, select

from server.libraries.database.pool import Database
from server.libraries.database.schema import sessions
from server.libraries.database.statement import Statement

_IS_ALIVE = (sessions.c.user_id == bindparam("user_id"), sessions.c.expiry > func.now())
# NULL for sessions of older releases.
_last_used = func.coalesce(sessions.c.last_used, sessions.c.created)
_LIST = Statement(
    select(sessions.c.id, sessions.c.created, _last_used.label("last_used"), sessions.c.user_agent)
    .where(*_IS_ALIVE)
    .order_by(_last_used.desc(), sessions.c.created.desc(), sessions.c.id)
)
_DELETE = Statement(
    delete(sessions).where(*_IS_ALIVE, sessions.c.id == bindparam("id")).returning(literal(1))
)


@dataclass(frozen=True, slots=True)
class UserSession:
    """A session that has not ended."""

    id: UUID
    created: datetime
    last_used: datetime
    user_agent: str | None


class UserSessions:
    """Sessions of users, which start with a login (SessionRepository)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, user_id: UUID) -> list[UserSession]:
        """Return the sessions of a user, the most recently used first."""
        return [UserSession(**row) for row in await self._database.fetch(_LIST, user_id=user_id)]

    async def delete(self, user_id: UUID, session_id: UUID) -> bool:
        """End a session of a user; return False if the user has no such session."""
        return bool(await self._database.fetch_one(_DELETE, user_id=user_id, id=session_id))

"""The SQL of follow secrets."""

from uuid import UUID, uuid5

from sqlalchemy import bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from server.database.engine import Database
from server.database.owner import owner_must_exist
from server.database.schema import user_follow_secrets as secrets
from server.database.statement import Statement

_PUT = Statement(
    insert(secrets)
    .values(id=bindparam("id"), user_id=bindparam("user_id"), value=bindparam("value"))
    .on_conflict_do_nothing(index_elements=[secrets.c.id])
)
_DELETE = Statement(
    delete(secrets).where(
        secrets.c.user_id == bindparam("owner_id"), secrets.c.value == bindparam("secret")
    )
)


class FollowRepository:
    """The secrets by which users may be followed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, user_id: UUID, secret: str) -> None:
        """Accepts `secret` from now on.

        The row's id is derived from what it says, so that repeating it, even at the same moment,
        adds nothing: LiftLog's table has no unique constraint that would see to it.
        """
        with owner_must_exist():
            await self._database.execute(
                _PUT, id=uuid5(user_id, secret), user_id=user_id, value=secret
            )

    async def delete(self, user_id: UUID, secret: str) -> None:
        """Refuses `secret` from now on."""
        await self._database.execute(_DELETE, owner_id=user_id, secret=secret)

"""The SQL of follow secrets."""

from uuid import UUID, uuid5

from sqlalchemy import Text, bindparam, delete, exists, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from server.errors import no_such_user
from server.libraries.database.pool import Database
from server.libraries.database.schema import user_follow_secrets as secrets
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import quota_exceeded

# Of one user.
MAX_FOLLOW_SECRETS = 5_000


def _put() -> Statement:
    """Return a statement that stores a new secret if there is room.

    Its row tells whether the secret is stored now; there is no row without such a user.
    """
    owner = (
        select(users.c.id)
        .where(users.c.id == bindparam("owner_id"))
        .with_for_update(read=True, key_share=True)
        .cte("owner")
    )
    is_own = secrets.c.user_id == bindparam("owner_id")
    value = bindparam("value", type_=Text)
    number = select(func.count()).where(is_own).scalar_subquery()
    state = select(
        exists().where(is_own, secrets.c.value == value).label("is_stored"),
        (number < literal_column(str(MAX_FOLLOW_SECRETS))).label("has_room"),
    ).cte("state")
    new = (
        select(bindparam("id", type_=secrets.c.id.type), owner.c.id, value)
        .select_from(owner, state)
        .where(~state.c.is_stored, state.c.has_room)
    )
    stored = (
        insert(secrets)
        .from_select(["id", "user_id", "value"], new)
        .on_conflict_do_nothing(index_elements=[secrets.c.id])
        .cte("stored")
    )
    return Statement(
        select(or_(state.c.is_stored, state.c.has_room).label("is_accepted"))
        .select_from(owner, state)
        .add_cte(stored)
    )


_PUT = _put()
_DELETE = Statement(
    delete(secrets).where(
        secrets.c.user_id == bindparam("owner_id"), secrets.c.value == bindparam("secret")
    )
)


class FollowRepository:
    """Secrets that let others follow a user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, user_id: UUID, secret: str) -> None:
        """Accept `secret` from now on.

        The row's id is derived from its contents, so that repeated requests, even concurrent ones,
        add nothing: LiftLog's table has no unique constraint to prevent that. Raise NotFound if
        there is no such user, ResourceExhausted if they have too many secrets.
        """
        row = await self._database.fetch_one(
            _PUT, id=uuid5(user_id, secret), owner_id=user_id, value=secret
        )
        if row is None:
            raise no_such_user()
        if not row["is_accepted"]:
            raise quota_exceeded(f"{MAX_FOLLOW_SECRETS:,} follow secrets")

    async def delete(self, user_id: UUID, secret: str) -> None:
        """Revoke `secret`."""
        await self._database.execute(_DELETE, owner_id=user_id, secret=secret)

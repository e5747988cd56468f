"""`gymlocker users link-forward`: a name that a proxy authenticates becomes an account.

Until then, a forwarded name is an identity of its own, whose user has nothing but backups. They
move to the account, and that user is deleted. An upload in progress for it fails, and its client
repeats it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from server.errors import StartError
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import backup_objects, backups, identities, users
from server.libraries.database.statement import Statement
from server.programs.administration.user_repository import ListedUser
from server.programs.administration.users import find
from server.services.auth.forwarded_user import NAME
from server.services.auth.identity_repository import FORWARDED, LOCK
from server.services.credentials.password_hashing import HashedPassword

# It may wait for an upload that is being stored.
LINK_SECONDS = 30.0

_IS_NAMED = (identities.c.kind == bindparam("kind"), identities.c.name == bindparam("name"))
_ACCOUNT_ID = bindparam("account_id", type_=Uuid)
_IDENTITY_ID = bindparam("identity_id", type_=Uuid)
_FIND = Statement(
    select(
        identities.c.user_id,
        (users.c.hashed_password != HashedPassword.UNUSABLE).label("has_account"),
        func.coalesce(users.c.username, users.c.user_lookup).label("user"),
    )
    .join(users, users.c.id == identities.c.user_id)
    .where(*_IS_NAMED)
)
# In the order of the ids, so that two links cannot wait for one another.
_LOCK_USERS = Statement(
    select(users.c.id)
    .where(users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(users.c.id)
    .with_for_update()
)
# Objects without a hash are of uploads in progress, which end without an entry.
_MOVE_OBJECTS = Statement(
    update(backup_objects)
    .where(backup_objects.c.user_id == _IDENTITY_ID, backup_objects.c.sha256.is_not(None))
    .values(user_id=_ACCOUNT_ID)
)
_MOVE_BACKUPS = Statement(
    update(backups)
    .where(backups.c.user_id == _IDENTITY_ID)
    .values(user_id=_ACCOUNT_ID)
    .returning(backups.c.id)
)
_LINK = Statement(
    insert(identities)
    .values(kind=bindparam("kind"), name=bindparam("name"), user_id=_ACCOUNT_ID)
    .on_conflict_do_update(index_elements=["kind", "name"], set_={"user_id": _ACCOUNT_ID})
)
_DELETE_USER = Statement(delete(users).where(users.c.id == _IDENTITY_ID))


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a forwarded name to an account.

    `moved` is the number of backups that moved to the account. `is_new` is false if the name was
    linked to it before.
    """

    user: ListedUser
    moved: int
    is_new: bool


async def link_forward(database: Database, name: str, user: str, *, replace: bool) -> Link:
    """Link a forwarded name to an account; the name need not have been seen yet.

    If it is linked to another account, `replace` is needed. Raises StartError.
    """
    if not NAME.fullmatch(name):
        raise StartError(
            "A forwarded name has 1 to 256 printable ASCII characters, and no space at its ends: "
            "pass it exactly as the proxy sends it."
        )
    account = await find(database, user)
    if not account.has_login:
        raise StartError(f"{account.name} is an identity without a login: name an account.")

    async def action(connection: Connection) -> Link:
        named = {"kind": FORWARDED, "name": name, "account_id": account.id}
        await _run(connection, LOCK, **named)
        found = next(iter(await _run(connection, _FIND, **named)), None)
        if found is not None and found["user_id"] == account.id:
            return Link(account, 0, is_new=False)
        if found is not None and found["has_account"] and not replace:
            raise StartError(
                f"{name!r} is linked to {found['user']}: pass --replace to link it to "
                f"{account.name}. The backups of {found['user']} stay where they are."
            )
        identity_id = found["user_id"] if found and not found["has_account"] else None
        moved = await _move(connection, identity_id, account.id) if identity_id else 0
        await _run(connection, _LINK, **named)
        if identity_id:
            await _run(connection, _DELETE_USER, identity_id=identity_id)
        return Link(account, moved, is_new=True)

    return await database.transact(action, seconds=LINK_SECONDS)


async def _move(connection: Connection, identity_id: UUID, account_id: UUID) -> int:
    """Move the backups of an identity to an account; return their number."""
    both = {"identity_id": identity_id, "account_id": account_id}
    await _run(connection, _LOCK_USERS, ids=list(both.values()))
    await _run(connection, _MOVE_OBJECTS, **both)
    return len(await _run(connection, _MOVE_BACKUPS, **both))


async def _run(
    connection: Connection, statement: Statement, **parameters: Any
) -> list[asyncpg.Record]:
    return await connection.fetch(statement.sql, *statement.arguments(parameters))

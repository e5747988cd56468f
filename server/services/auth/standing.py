"""Authentication that must go on holding: streams outlive the check of their call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    or_,
    select,
)

from server.errors import account_disabled, no_such_user, session_ended, wrong_password
from server.libraries.database.pool import Database
from server.libraries.database.schema import access_keys, sessions, users
from server.libraries.database.statement import Statement
from server.libraries.rpc.context import Caller
from server.services.auth.access_keys import invalid_key
from server.services.credentials.password_authenticator import PasswordAuthenticator
from server.services.credentials.password_repository import PasswordRepository


@dataclass(frozen=True, slots=True)
class Standing:
    """The credentials that admitted a stream of a user: one of a hash, a session and a key.

    None of them is set for a user whom a trusted proxy or the server's shared key names.
    """

    user_id: UUID
    password_hash: str | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None


def _broken() -> Statement:
    """Return a statement with a row for each standing that no longer holds, and the reason."""
    columns: dict[str, ColumnElement[Any]] = {
        "user_ids": column("user_id", Uuid),
        "hashes": column("hash", Text),
        "session_ids": column("session_id", Uuid),
        "key_ids": column("key_id", Uuid),
    }
    arrays = (bindparam(name, type_=ARRAY(one.type)) for name, one in columns.items())
    given = func.unnest(*arrays).table_valued(*columns.values()).render_derived("given")
    has_session = exists().where(
        sessions.c.user_id == given.c.user_id,
        sessions.c.id == given.c.session_id,
        sessions.c.expiry > func.now(),
    )
    has_key = exists().where(
        access_keys.c.user_id == given.c.user_id,
        access_keys.c.id == given.c.key_id,
        or_(access_keys.c.expiry.is_(None), access_keys.c.expiry > func.now()),
    )
    reason = case(
        (users.c.id.is_(None), no_such_user().reason),
        (and_(given.c.session_id.is_not(None), ~has_session), session_ended().reason),
        (and_(given.c.key_id.is_not(None), ~has_key), invalid_key().reason),
        (users.c.hashed_password != given.c.hash, wrong_password().reason),
        (users.c.disabled.is_not(None), account_disabled().reason),
    ).label("reason")
    checked = (
        select(given, reason)
        .select_from(given.outerjoin(users, users.c.id == given.c.user_id))
        .subquery("checked")
    )
    return Statement(select(checked).where(checked.c.reason.is_not(None)))


_BROKEN = _broken()


class Standings:
    """Source of standings, and their checks."""

    def __init__(
        self,
        database: Database,
        passwords: PasswordRepository,
        authenticator: PasswordAuthenticator,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._authenticator = authenticator

    async def get(
        self, caller: Caller | None, user_id: UUID, password: str, address: str
    ) -> Standing:
        """Return the standing of a call that was authenticated as `caller`, or by `password`.

        Raises as `PasswordAuthenticator.authenticate` does, if the password was changed since.
        """
        if caller is not None:
            return Standing(user_id, session_id=caller.session_id, key_id=caller.key_id)
        hashed = await self._passwords.get(user_id)
        if hashed is None:
            raise no_such_user()
        await self._authenticator.check(str(user_id), hashed, password, address)
        return Standing(user_id, password_hash=hashed.key)

    async def broken(self, standings: Iterable[Standing]) -> Mapping[Standing, str]:
        """Return those that no longer hold, each with the reason of the error of a new call."""
        given: Sequence[Standing] = list(standings)
        rows = await self._database.fetch(
            _BROKEN,
            user_ids=[one.user_id for one in given],
            hashes=[one.password_hash for one in given],
            session_ids=[one.session_id for one in given],
            key_ids=[one.key_id for one in given],
        )
        return {
            Standing(row["user_id"], row["hash"], row["session_id"], row["key_id"]): row["reason"]
            for row in rows
        }

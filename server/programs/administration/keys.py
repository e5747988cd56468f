"""Access keys of all users, for the operator."""

import datetime as dt
import re
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy import Select, bindparam, func, select

from server.errors import StartError
from server.libraries.common.text import uuid_in
from server.libraries.database.pool import Database
from server.libraries.database.schema import access_keys, users
from server.libraries.database.statement import Statement
from server.programs.administration.hints import publish_access
from server.programs.administration.users import find
from server.services.auth.access_key_repository import AccessKeyRepository, NewAccessKey
from server.services.auth.access_keys import AccessKey, new_key

MAX_NAME = 100
_LIFETIME = re.compile(r"(\d{1,5})([dh])")
_UNITS = {"d": dt.timedelta(days=1), "h": dt.timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, and the name of its user."""

    user_id: UUID
    user: str
    key: AccessKey


def _listed() -> Select[*tuple[object, ...]]:
    return (
        select(
            access_keys.c.user_id,
            func.coalesce(users.c.username, users.c.user_lookup).label("user"),
            access_keys.c.id,
            access_keys.c.name,
            access_keys.c.scopes,
            access_keys.c.created,
            access_keys.c.expiry,
            access_keys.c.last_used,
        )
        .join(users, users.c.id == access_keys.c.user_id)
        .order_by(users.c.username_key.asc().nulls_last(), users.c.id, access_keys.c.created.desc())
    )


_LIST = Statement(_listed())
_LIST_OF_USER = Statement(_listed().where(access_keys.c.user_id == bindparam("user_id")))
_GET = Statement(_listed().where(access_keys.c.id == bindparam("id")))


async def list_keys(database: Database, user: str | None) -> list[ListedKey]:
    """Return all keys, or those of one user. Raises StartError."""
    if user is None:
        rows = await database.fetch(_LIST)
    else:
        rows = await database.fetch(_LIST_OF_USER, user_id=(await find(database, user)).id)
    return [_key(row) for row in rows]


async def create_key(
    database: Database, user: str, name: str, scopes: list[str], expiry: dt.datetime | None
) -> tuple[ListedKey, str]:
    """Create a key; return it with its text, which cannot be read again. Raises StartError."""
    if not name.strip() or len(name) > MAX_NAME:
        raise StartError(f"The name of a key has 1 to {MAX_NAME} characters: pass it with --name.")
    owner = await find(database, user)
    if not owner.has_login:
        raise StartError(f"{owner.name} is an identity without a login: create a key for a user.")
    new = NewAccessKey(new_key(), name, list(dict.fromkeys(scopes)), expiry)
    stored = await AccessKeyRepository(database).create(owner.id, new)
    return ListedKey(owner.id, owner.name, stored), new.key


async def get_key(database: Database, key_id: str) -> ListedKey:
    """Return the key with this id. Raises StartError if there is none."""
    known = uuid_in(key_id)
    row = await database.fetch_one(_GET, id=known) if known else None
    if row is None:
        raise StartError(f"There is no key {key_id!r}: `gymlocker keys list` shows the ids.")
    return _key(row)


async def delete_key(database: Database, listed: ListedKey) -> None:
    """Delete a key."""
    await AccessKeyRepository(database).delete(listed.user_id, listed.key.id)
    await publish_access(database, listed.user_id)


def expiry_of(text: str | None, now: dt.datetime) -> dt.datetime | None:
    """Return the time that `90d`, `12h` or a date means; None without a text. Raises StartError."""
    if text is None:
        return None
    try:
        if lifetime := _LIFETIME.fullmatch(text):
            expiry = now + int(lifetime[1]) * _UNITS[lifetime[2]]
        else:
            expiry = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except (ValueError, OverflowError):
        raise StartError(
            f"{text!r} is no lifetime: write it as 90d, 12h or a date such as {now:%Y-%m-%d}."
        ) from None
    if expiry <= now:
        raise StartError("The key would have expired already: choose a later --expires.")
    return expiry


def _key(row: asyncpg.Record) -> ListedKey:
    fields = dict(row)
    return ListedKey(fields.pop("user_id"), fields.pop("user"), AccessKey(**fields))

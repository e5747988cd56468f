"""Export of all that is stored of one person, as one JSON file.

Names are those of the API, bytes are base64. Hashes of passwords and keys are left out, and backups
are listed only. Rows are read in pages, so that memory is bounded: a change during the export may
be in one part of the file and not in another.
"""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, bindparam, func, or_, select

from server.errors import no_such_user
from server.libraries.common.utc import rfc3339
from server.libraries.database.pool import Database
from server.libraries.database.schema import (
    access_keys,
    backup_objects,
    backups,
    identities,
    push_endpoints,
    sessions,
    shared_items,
    user_events,
    user_follow_secrets,
    user_inbox_items,
    users,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import representable
from server.services.workout.exporter import chunks
from server.services.workout.repository import WorkoutRepository

CONTENT_TYPE = "application/json"
FILE_NAME = "gymlocker-account.json"
# Rows of at most 20 KiB each.
PAGE_ROWS = 100
CHUNK_BYTES = 256 * 1024

_IS_USER = users.c.id == bindparam("user_id")
_ACCOUNT = Statement(
    select(
        users.c.id,
        users.c.user_lookup.label("lookup"),
        users.c.username,
        users.c.created,
        users.c.last_accessed.label("lastAccessed"),
        users.c.import_backups.label("importBackups"),
    ).where(_IS_USER)
)
_PROFILE = Statement(
    select(
        users.c.encrypted_current_plan.label("encryptedCurrentPlan"),
        users.c.encrypted_profile_picture.label("encryptedProfilePicture"),
        users.c.encrypted_name.label("encryptedName"),
        users.c.encryption_iv.label("encryptionIV"),
        users.c.rsa_public_key.label("rsaPublicKey"),
    ).where(_IS_USER)
)


@dataclass(frozen=True)
class _Section:
    """A list in the file, and the statement that reads a page of it."""

    name: str
    statement: Statement


def _section(
    name: str, table: Table, key: str = "id", /, **columns: ColumnElement[Any] | None
) -> _Section:
    """Return a section of a table: its `columns` by their names in JSON; None: the same name."""
    selected = [
        (table.c[label] if column is None else column).label(label)
        for label, column in columns.items()
    ]
    order, after = table.c[key], bindparam("after", type_=table.c[key].type)
    page = (
        select(order.label("page_key"), *selected)
        .where(table.c.user_id == bindparam("user_id"), or_(after.is_(None), order > after))
        .order_by(order)
        .limit(PAGE_ROWS)
    )
    if table is backups:
        page = page.join(backup_objects, backup_objects.c.id == backups.c.object_id)
    return _Section(name, Statement(page))


_SECTIONS = (
    _section(
        "events",
        user_events,
        eventId=user_events.c.id,
        timestamp=None,
        expiry=representable(user_events.c.expiry),
        encryptedEventPayload=user_events.c.encrypted_event,
        encryptedEventIV=user_events.c.encryption_iv,
    ),
    _section("followSecrets", user_follow_secrets, followSecret=user_follow_secrets.c.value),
    _section(
        "inboxMessages",
        user_inbox_items,
        id=None,
        received=None,
        encryptedMessage=user_inbox_items.c.encrypted_message,
    ),
    _section(
        "sharedItems",
        shared_items,
        id=None,
        timestamp=None,
        expiry=representable(shared_items.c.expiry),
        encryptedPayload=shared_items.c.encrypted_payload,
        iv=shared_items.c.encryption_iv,
    ),
    _section(
        "sessions",
        sessions,
        id=None,
        createTime=sessions.c.created,
        expireTime=representable(sessions.c.expiry),
        lastUsedTime=sessions.c.last_used,
        userAgent=sessions.c.user_agent,
    ),
    _section(
        "accessKeys",
        access_keys,
        id=None,
        name=None,
        scopes=None,
        createTime=access_keys.c.created,
        expireTime=representable(access_keys.c.expiry),
        lastUsedTime=access_keys.c.last_used,
    ),
    _section(
        "pushEndpoints",
        push_endpoints,
        id=None,
        endpoint=None,
        p256dh=None,
        auth=None,
        createTime=push_endpoints.c.created,
        confirmTime=push_endpoints.c.confirmed,
    ),
    _section("forwardedNames", identities, "name", name=None),
    _section(
        "backups",
        backups,
        id=None,
        size=backup_objects.c.size,
        sha256=func.encode(backup_objects.c.sha256, "hex"),
        createTime=backups.c.created,
    ),
)


class AccountExport:
    """Writer of the file."""

    def __init__(self, database: Database, workouts: WorkoutRepository) -> None:
        self._database = database
        self._workouts = workouts

    async def chunks(self, user_id: UUID) -> AsyncIterator[bytes]:
        """Yield the file in chunks. Raise NotFound before the first if there is no such user."""
        chunk = bytearray()
        async for part in self._parts(user_id):
            chunk += part
            if len(chunk) >= CHUNK_BYTES:
                yield bytes(chunk)
                chunk.clear()
        yield bytes(chunk)

    async def _parts(self, user_id: UUID) -> AsyncIterator[bytes]:
        """Yield the parts. A truncated file lacks its end, so it does not parse."""
        separator = b"{\n"
        for name, statement in (("account", _ACCOUNT), ("profile", _PROFILE)):
            row = await self._database.fetch_one(statement, user_id=user_id)
            if row is None:
                raise no_such_user()
            yield separator + _encoded(name) + b": " + _encoded(dict(row))
            separator = b",\n"
        for section in _SECTIONS:
            yield separator + _encoded(section.name) + b": ["
            async for part in self._rows(section, user_id):
                yield part
            yield b"]"
        yield separator + _encoded("workouts") + b": "
        async for part in chunks(self._workouts.all(user_id), "json"):
            yield part
        yield b"}\n"

    async def _rows(self, section: _Section, user_id: UUID) -> AsyncIterator[bytes]:
        after, separator = None, b"\n"
        while True:
            page = await self._database.fetch(section.statement, user_id=user_id, after=after)
            for row in page:
                fields = dict(row)
                after = fields.pop("page_key")
                yield separator + _encoded(fields)
                separator = b",\n"
            if len(page) < PAGE_ROWS:
                return


def _encoded(value: Any) -> bytes:
    return json.dumps(_as_json(value), ensure_ascii=False, separators=(",", ":")).encode()


def _as_json(value: Any) -> Any:
    """Return a value of the database as JSON has it; fields without a value are left out."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return rfc3339(value)
        case UUID():
            return str(value)
        case dict():
            return {key: _as_json(each) for key, each in value.items() if each is not None}
        case list():
            return [_as_json(each) for each in value]
    return value

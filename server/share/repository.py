"""The SQL of shared items."""

import secrets
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, func, insert, select

from server.database.engine import Database
from server.database.owner import owner_must_exist
from server.database.request_keys import GET_ANSWER, digest_of, is_new
from server.database.schema import shared_items as items
from server.database.schema import users
from server.database.statement import Statement

# Whoever has the id can read the item, so it must not be guessed: 128 bits.
ID_BYTES = 16

_NEW = {
    "id": bindparam("id", type_=items.c.id.type),
    "user_id": bindparam("user_id", type_=items.c.user_id.type),
    "timestamp": func.now(),
    "expiry": bindparam("expiry", type_=items.c.expiry.type),
    "encrypted_payload": bindparam("encrypted_payload", type_=items.c.encrypted_payload.type),
    "encryption_iv": bindparam("encryption_iv", type_=items.c.encryption_iv.type),
}
_CREATE = Statement(insert(items).values(_NEW))
_CREATE_ONCE = Statement(
    insert(items)
    .from_select(list(_NEW), select(*_NEW.values()).where(is_new()))
    .returning(items.c.id)
)
_GET = Statement(
    select(items.c.encrypted_payload, items.c.encryption_iv, users.c.rsa_public_key)
    .join(users, users.c.id == items.c.user_id)
    .where(items.c.id == bindparam("id"), items.c.expiry > func.now())
)


class ShareRepository:
    """The items that users share by link."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user_id: UUID, payload: bytes, iv: bytes, expiry: datetime) -> str:
        """Stores an item of the user; returns its new id."""
        item_id = secrets.token_urlsafe(ID_BYTES)
        with owner_must_exist():
            await self._database.execute(
                _CREATE,
                id=item_id,
                user_id=user_id,
                expiry=expiry,
                encrypted_payload=payload,
                encryption_iv=iv,
            )
        return item_id

    async def create_once(
        self, user_id: UUID, payload: bytes, iv: bytes, expiry: datetime, request_id: str
    ) -> str | None:
        """Stores an item of the user, unless this request did; returns the id that it got.

        None if a request of this name stored another item.
        """
        key, contents = digest_of([b"share", request_id.encode()]), digest_of([payload, iv])
        item_id = secrets.token_urlsafe(ID_BYTES)
        while True:
            with owner_must_exist():
                created = await self._database.fetch_one(
                    _CREATE_ONCE,
                    id=item_id,
                    user_id=user_id,
                    expiry=expiry,
                    encrypted_payload=payload,
                    encryption_iv=iv,
                    key=key,
                    contents=contents,
                    answer=item_id,
                )
            if created:
                return item_id
            before = await self._database.fetch_one(GET_ANSWER, user_id=user_id, key=key)
            # None: it was swept at this moment.
            if before:
                return before["answer"] if before["contents"] == contents else None

    async def get(self, item_id: str) -> asyncpg.Record | None:
        """An item's encrypted_payload, encryption_iv and its owner's rsa_public_key.

        None if there is no such item or it has expired.
        """
        return await self._database.fetch_one(_GET, id=item_id)

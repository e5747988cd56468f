"""The SQL of shared items."""

import secrets
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, func, insert, select

from server.database.engine import Database
from server.database.owner import owner_must_exist
from server.database.schema import shared_items as items
from server.database.schema import users
from server.database.statement import Statement

# Whoever has the id can read the item, so it must not be guessed: 128 bits.
ID_BYTES = 16

_CREATE = Statement(
    insert(items).values(
        id=bindparam("id"),
        user_id=bindparam("user_id"),
        timestamp=func.now(),
        expiry=bindparam("expiry"),
        encrypted_payload=bindparam("encrypted_payload"),
        encryption_iv=bindparam("encryption_iv"),
    )
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

    async def get(self, item_id: str) -> asyncpg.Record | None:
        """An item's encrypted_payload, encryption_iv and its owner's rsa_public_key.

        None if there is no such item or it has expired.
        """
        return await self._database.fetch_one(_GET, id=item_id)

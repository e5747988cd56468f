"""The SQL of shared items."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, func, insert, literal_column, or_, select, update

from server.libraries.database.idempotency import GET_ANSWER, STORE, digest_of
from server.libraries.database.owner import owner_must_exist
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import shared_items as items
from server.libraries.database.schema import user_event_clocks as clocks
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import MAX_BYTES, bounded_expiry
from server.libraries.limits.usage import SIZE, UsageRepository

# Of one user.
MAX_SHARED_ITEMS = 1_000
# Whoever has the id can read the item, so it must not be guessed: 128 bits.
ID_BYTES = 16


def _create() -> Statement:
    """Stores an item if there is room; returns a row if it did.

    The user's clock counts its bytes, and must be there.
    """
    # First of all, as deleting the user does: in the other order the two would block each other.
    owner = (
        select(users.c.id)
        .where(users.c.id == bindparam("owner_id"))
        .with_for_update(read=True, key_share=True)
        .cte("owner")
    )
    number = select(func.count()).where(items.c.user_id == bindparam("owner_id")).scalar_subquery()
    total = clocks.c.bytes + SIZE
    charged = (
        update(clocks)
        .values(bytes=total)
        .where(
            clocks.c.user_id == owner.c.id,
            number < literal_column(str(MAX_SHARED_ITEMS)),
            or_(clocks.c.counted.is_(None), total <= literal_column(str(MAX_BYTES))),
        )
        .returning(owner.c.id.label("owner_id"), clocks.c.counted)
        .cte("charged")
    )
    new = select(
        bindparam("id", type_=items.c.id.type),
        charged.c.owner_id,
        func.now(),
        bounded_expiry("expiry"),
        bindparam("encrypted_payload", type_=items.c.encrypted_payload.type),
        bindparam("encryption_iv", type_=items.c.encryption_iv.type),
    )
    columns = ["id", "user_id", "timestamp", "expiry", "encrypted_payload", "encryption_iv"]
    is_counted = select(charged.c.counted.is_not(None)).scalar_subquery().label("is_counted")
    return Statement(insert(items).from_select(columns, new).returning(is_counted))


_CREATE = _create()
_GET = Statement(
    select(items.c.encrypted_payload, items.c.encryption_iv, users.c.rsa_public_key)
    .join(users, users.c.id == items.c.user_id)
    .where(items.c.id == bindparam("id"), items.c.expiry > func.now())
)


class _NotStored(Exception):
    """There is no room, or no such user; the request is not noted."""


class _Repeated(Exception):
    """The request was noted before."""


class ShareRepository:
    """The items that users share by link."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._usage = UsageRepository(database)

    async def create(
        self, user_id: UUID, payload: bytes, iv: bytes, expiry: datetime, request_id: str = ""
    ) -> str | None:
        """Stores an item of the user, unless this request did; returns its id.

        None if a request of this name stored another item. Raises NotFound if there is no such
        user, ResourceExhausted if they store too much.
        """
        item = {
            "id": secrets.token_urlsafe(ID_BYTES),
            "owner_id": user_id,
            "expiry": expiry,
            "encrypted_payload": payload,
            "size": len(payload),
            "encryption_iv": iv,
        }
        if not request_id:
            await self._store(user_id, lambda: self._database.fetch_one(_CREATE, **item))
            return str(item["id"])
        request = {
            "user_id": user_id,
            "key": digest_of([b"share", request_id.encode()]),
            "contents": digest_of([payload, iv]),
            "answer": item["id"],
        }

        async def create_once(connection: Connection) -> asyncpg.Record | None:
            noted = await connection.fetchval(STORE.sql, *STORE.arguments(request))
            if noted is None:
                raise _Repeated
            stored = await connection.fetchrow(_CREATE.sql, *_CREATE.arguments(item))
            if stored is None:
                raise _NotStored
            return stored

        async def stored_once() -> asyncpg.Record | None:
            try:
                with owner_must_exist():
                    return await self._database.transact(create_once)
            except _NotStored:
                return None

        while True:
            try:
                await self._store(user_id, stored_once)
            except _Repeated:
                before = await self._database.fetch_one(
                    GET_ANSWER, user_id=user_id, key=request["key"]
                )
                # None: it was swept at this moment.
                if before:
                    return before["answer"] if before["contents"] == request["contents"] else None
            else:
                return str(item["id"])

    async def _store(
        self, user_id: UUID, create: Callable[[], Awaitable[asyncpg.Record | None]]
    ) -> None:
        quota = f"{MAX_SHARED_ITEMS:,} shared items, or {MAX_BYTES >> 20} MiB"
        await self._usage.store(user_id, create, quota=quota)

    async def get(self, item_id: str) -> asyncpg.Record | None:
        """An item's encrypted_payload, encryption_iv and its owner's rsa_public_key.

        None if there is no such item or it has expired.
        """
        return await self._database.fetch_one(_GET, id=item_id)

"""The SQL of shared items."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from gymlocker.v2 import share_pb2
from sqlalchemy import bindparam, func, insert, literal_column, or_, select, update

from server.libraries.database.idempotency import FORGET, GET_ANSWER, STORE, digest_of
from server.libraries.database.owner import owner_must_exist
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import shared_items as items
from server.libraries.database.schema import user_event_clocks as clocks
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import MAX_BYTES, capped_expiry
from server.libraries.limits.storage_usage import SIZE, Stored, UsageRepository

# Of one user.
MAX_SHARED_ITEMS = 1_000
# 128 bits: the id must not be guessable, since it is all one needs to read the item.
ID_BYTES = 16


def _create() -> Statement:
    """Return a statement that stores an item if there is room, with a row on success.

    The user's clock counts its bytes. Without a clock, nothing is stored.
    """
    # Locked first, as in deleting the user: in the other order the two would block each other.
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
        capped_expiry("expiry"),
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


@dataclass(frozen=True, slots=True)
class _StoredItem(Stored):
    """A stored item; the id is None if an earlier request of the same id stored another item."""

    id: str | None


class ShareRepository:
    """Items that users share by link."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._usage = UsageRepository(database)

    async def create(
        self, user_id: UUID, payload: bytes, iv: bytes, expiry: datetime, request_id: str = ""
    ) -> str | None:
        """Store an item of the user, unless the same request did before; return its id.

        Return None if a request with this `request_id` stored another item. Raise NotFound if
        there is no such user, ResourceExhausted if their quota is used up.
        """
        item = {
            "id": secrets.token_urlsafe(ID_BYTES),
            "owner_id": user_id,
            "expiry": expiry,
            "encrypted_payload": payload,
            "size": len(payload),
            "encryption_iv": iv,
        }
        create = partial(self._create, item)
        if request_id:
            request = {
                "user_id": user_id,
                "key": digest_of([b"share", request_id.encode()]),
                "contents": digest_of([payload, iv]),
                "answer": item["id"],
            }
            create = partial(self._create_once, item, request)
        quota = f"{MAX_SHARED_ITEMS:,} shared items, or {MAX_BYTES >> 20} MiB"
        return (await self._usage.store(user_id, create, quota=quota)).id

    async def _create(self, item: dict[str, Any]) -> _StoredItem | None:
        row = await self._database.fetch_one(_CREATE, **item)
        return _StoredItem(row["is_counted"], item["id"]) if row else None

    async def _create_once(
        self, item: dict[str, Any], request: dict[str, Any]
    ) -> _StoredItem | None:
        async def action(connection: Connection) -> _StoredItem | None:
            while await connection.fetchval(STORE.sql, *STORE.arguments(request)) is None:
                earlier = await connection.fetchrow(GET_ANSWER.sql, *GET_ANSWER.arguments(request))
                # None: the earlier request expired and was swept in between.
                if earlier:
                    is_same = earlier["contents"] == request["contents"]
                    return _StoredItem(True, earlier["answer"] if is_same else None)
            row = await connection.fetchrow(_CREATE.sql, *_CREATE.arguments(item))
            if row is None:
                await connection.execute(FORGET.sql, *FORGET.arguments(request))
                return None
            return _StoredItem(row["is_counted"], item["id"])

        with owner_must_exist():
            return await self._database.transact(action)

    async def get(self, item_id: str) -> share_pb2.GetSharedItemResponse | None:
        """Return an item and its owner's public key; None if there is none or it has expired."""
        row = await self._database.fetch_one(_GET, id=item_id)
        if row is None:
            return None
        return share_pb2.GetSharedItemResponse(
            rsa_public_key=share_pb2.RsaPublicKey(spki_public_key_bytes=row["rsa_public_key"]),
            encrypted_payload=share_pb2.EncryptedPayload(
                encrypted_payload=row["encrypted_payload"],
                iv=share_pb2.InitializationVector(value=row["encryption_iv"]),
            ),
        )

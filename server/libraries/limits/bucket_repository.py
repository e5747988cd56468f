"""The SQL of buckets that count rates.

A bucket is stored as the time at which it will be empty (the "generic cell rate algorithm").
Filling it moves that time further away; draining it needs no write. The table is named after
wrong passwords, which were counted first.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import ARRAY, Interval, LargeBinary, any_, bindparam, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.pool import Database
from server.libraries.database.schema import password_failures as buckets
from server.libraries.database.statement import Statement

_empty_in = func.extract("epoch", buckets.c.forgiven - func.now()).label("seconds")
_GET = Statement(
    select(buckets.c.key, _empty_in).where(
        buckets.c.key == any_(bindparam("keys", type_=ARRAY(LargeBinary))),
        buckets.c.forgiven > func.now(),
    )
)
_added = insert(buckets).from_select(
    ["key", "forgiven"],
    select(
        func.unnest(bindparam("keys", type_=ARRAY(LargeBinary))),
        func.now() + func.unnest(bindparam("seconds", type_=ARRAY(Interval))),
    ),
)
_ADD = Statement(
    _added.on_conflict_do_update(
        index_elements=[buckets.c.key],
        set_={
            "forgiven": func.greatest(buckets.c.forgiven, func.now())
            + (_added.excluded.forgiven - func.now())
        },
    ).returning(buckets.c.key, _empty_in)
)


def _take() -> Statement:
    """Return a statement that fills a bucket, or returns the seconds until it is empty.

    No call waits for the disk, so a crash of the database may lose the last half second.
    """
    lazily = select(func.set_config("synchronous_commit", "off", literal(True))).cte("lazily")
    new = insert(buckets).from_select(
        ["key", "forgiven"],
        select(
            bindparam("key", type_=LargeBinary),
            func.now() + bindparam("seconds", type_=Interval),
        ).select_from(lazily),
    )
    taken = (
        new.on_conflict_do_update(
            index_elements=[buckets.c.key],
            set_={
                "forgiven": func.greatest(buckets.c.forgiven, func.now())
                + bindparam("seconds", type_=Interval)
            },
            where=buckets.c.forgiven <= func.now() + bindparam("room", type_=Interval),
        )
        .returning(buckets.c.key)
        .cte("taken")
    )
    # The state before the statement, returned if there is no room.
    before = (
        select(func.extract("epoch", buckets.c.forgiven - func.now()))
        .where(buckets.c.key == bindparam("key", type_=LargeBinary))
        .scalar_subquery()
    )
    count = select(func.count()).select_from(taken).scalar_subquery()
    return Statement(select(count.label("taken"), before.label("seconds")))


_TAKE = _take()
_kept = insert(buckets).values(
    key=bindparam("key"), forgiven=func.now() + bindparam("seconds", type_=Interval)
)
_KEEP = Statement(
    _kept.on_conflict_do_update(
        index_elements=[buckets.c.key], set_={"forgiven": _kept.excluded.forgiven}
    )
)
_REMOVE = Statement(delete(buckets).where(buckets.c.key == bindparam("key")))


def bucket_key(*parts: str) -> bytes:
    """Return the key of the bucket for the combination of `parts`."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


class BucketRepository:
    """Buckets in the database of the rate limits. A key is 32 bytes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return the seconds until each bucket of `keys` is empty, without those that are."""
        rows = await self._database.fetch(_GET, keys=list(keys))
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        """Fill each bucket by so many seconds; return the same as `get`."""
        # In sorted order, so that two workers cannot deadlock.
        keys = sorted(seconds)
        intervals = [timedelta(seconds=seconds[key]) for key in keys]
        rows = await self._database.fetch(_ADD, keys=keys, seconds=intervals)
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def take(self, key: bytes, *, seconds: float, room: float) -> float | None:
        """Fill a bucket by `seconds`, unless it is more than `room` seconds from being empty.

        Return None if it was filled, else the seconds until it is empty.
        """
        row = await self._database.fetch_one(
            _TAKE, key=key, seconds=timedelta(seconds=seconds), room=timedelta(seconds=room)
        )
        if row is None or row["taken"]:
            return None
        # None: another call created and filled it at the same moment.
        return room if row["seconds"] is None else max(float(row["seconds"]), room)

    async def keep(self, key: bytes, seconds: float) -> None:
        """Set a bucket to be empty in `seconds` from now, whatever it was before."""
        await self._database.execute(_KEEP, key=key, seconds=timedelta(seconds=seconds))

    async def remove(self, key: bytes) -> None:
        """Empty a bucket."""
        await self._database.execute(_REMOVE, key=key)

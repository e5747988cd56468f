"""The SQL of buckets, by which rates are counted.

A bucket is one time: when it will be empty (the "generic cell rate algorithm"). What is put in
moves it away; what time takes out needs no write. The table is that of the wrong passwords, which
were the first to be counted so.
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
    """Puts into a bucket what fits, or says in how many seconds the bucket is empty.

    A crash of the database may forget the last half second: no call waits for the disk.
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
    # As it was before, should nothing fit.
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
    """Return the key of the bucket that counts for all of `parts` together."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


class BucketRepository:
    """The buckets, in the database of the rate limits. A key is 32 bytes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """Return in how many seconds each of `keys` that is not empty will be."""
        rows = await self._database.fetch(_GET, keys=list(keys))
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def add(self, seconds: Mapping[bytes, float]) -> dict[bytes, float]:
        """Put into each bucket what takes so many seconds to leave; return as `get` does."""
        # In one order, so that two workers do not wait for each other.
        keys = sorted(seconds)
        intervals = [timedelta(seconds=seconds[key]) for key in keys]
        rows = await self._database.fetch(_ADD, keys=keys, seconds=intervals)
        return {row["key"]: float(row["seconds"]) for row in rows}

    async def take(self, key: bytes, *, seconds: float, room: float) -> float | None:
        """Put into a bucket what takes so many seconds to leave.

        If it takes more than `room` seconds until the bucket is empty, nothing is put in, and the
        seconds are returned.
        """
        row = await self._database.fetch_one(
            _TAKE, key=key, seconds=timedelta(seconds=seconds), room=timedelta(seconds=room)
        )
        if row is None or row["taken"]:
            return None
        # None: it was made, and filled, at this moment.
        return room if row["seconds"] is None else max(float(row["seconds"]), room)

    async def keep(self, key: bytes, seconds: float) -> None:
        """Keep a key for so many seconds from now on, as what is known for as long."""
        await self._database.execute(_KEEP, key=key, seconds=timedelta(seconds=seconds))

    async def remove(self, key: bytes) -> None:
        """Empty a bucket."""
        await self._database.execute(_REMOVE, key=key)

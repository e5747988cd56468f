"""The SQL of quotas, in the database of the rate limits.

The table is LiftLog's: per key the times of the requests, of which those of the last 24 hours
count.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ARRAY, bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import array, insert

from server.libraries.database.pool import Database
from server.libraries.database.schema import Timestamp
from server.libraries.database.schema import rate_limit_consumptions as consumptions
from server.libraries.database.statement import Statement

WINDOW = dt.timedelta(hours=24)
# By how much the clocks of two workers may differ. What is later still was written by a clock that
# was wrong, and would count for as long as it was.
SKEW = dt.timedelta(minutes=1)

_AT = bindparam("at", type_=Timestamp)
_request = func.unnest(consumptions.c.requests).column_valued("request")
_is_counted = (_request > _AT - literal(WINDOW)) & (_request < _AT + literal(SKEW))
_counting = (
    select(func.coalesce(func.array_agg(_request), array([], type_=Timestamp)))
    .where(_is_counted)
    .correlate(consumptions)
    .scalar_subquery()
)
# No two uses have the same time: one can be given back and the other not.
_newest = select(func.max(_request)).where(_is_counted).correlate(consumptions).scalar_subquery()
_use = func.greatest(_AT, _newest + literal(dt.timedelta(microseconds=1)))
_CHARGE = Statement(
    insert(consumptions)
    .values(key=bindparam("key"), requests=array([_AT]))
    .on_conflict_do_update(
        index_elements=[consumptions.c.key],
        set_={"requests": func.array_append(_counting, _use)},
        where=func.cardinality(_counting) < bindparam("limit"),
    )
    .returning(consumptions.c.requests)
)
_GIVE_BACK = Statement(
    update(consumptions)
    .where(consumptions.c.key == bindparam("charged_key"))
    .values(requests=func.array_remove(consumptions.c.requests, _AT, type_=ARRAY(Timestamp)))
)
_GET = Statement(select(_counting.label("requests")).where(consumptions.c.key == bindparam("key")))


class QuotaRepository:
    """How often each key was used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def charge(self, key: str, at: dt.datetime, limit: int) -> Sequence[dt.datetime] | None:
        """Counts a use of `key` unless `limit` of them count already, all in one statement.

        Returns the times of the uses that count, this one last; None if there are too many.
        """
        row = await self._database.fetch_one(_CHARGE, key=key, at=at, limit=limit)
        return row["requests"] if row else None

    async def give_back(self, key: str, at: dt.datetime) -> None:
        """Forgets the use of `key` that was counted at that time."""
        await self._database.execute(_GIVE_BACK, charged_key=key, at=at)

    async def get(self, key: str, at: dt.datetime) -> Sequence[dt.datetime]:
        """The times of the uses of `key` that count at a time."""
        row = await self._database.fetch_one(_GET, key=key, at=at)
        return row["requests"] if row else ()

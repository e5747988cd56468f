"""SQL of the quotas, in the database of the rate limits.

The table is LiftLog's. It holds the request times of each key, of which those within the last 24
hours count.
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
# The maximum difference between the clocks of two workers. A later time was written by a wrong
# clock, and would otherwise count for as long as that clock was ahead.
MAX_CLOCK_SKEW = dt.timedelta(minutes=1)

_AT = bindparam("at", type_=Timestamp)
_request = func.unnest(consumptions.c.requests).column_valued("request")
_is_counted = (_request > _AT - literal(WINDOW)) & (_request < _AT + literal(MAX_CLOCK_SKEW))
_counting = (
    select(func.coalesce(func.array_agg(_request), array([], type_=Timestamp)))
    .where(_is_counted)
    .correlate(consumptions)
    .scalar_subquery()
)
# Each use has a time of its own, so that a single one can be refunded.
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
_REFUND = Statement(
    update(consumptions)
    .where(consumptions.c.key == bindparam("charged_key"))
    .values(requests=func.array_remove(consumptions.c.requests, _AT, type_=ARRAY(Timestamp)))
)
_GET = Statement(select(_counting.label("requests")).where(consumptions.c.key == bindparam("key")))


class QuotaRepository:
    """Repository of the uses of each key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def charge(self, key: str, at: dt.datetime, limit: int) -> Sequence[dt.datetime] | None:
        """Add a use of `key`, in one statement, unless `limit` of them count already.

        Return the times of the uses that count, with the new one last, or None at the limit.
        """
        row = await self._database.fetch_one(_CHARGE, key=key, at=at, limit=limit)
        return row["requests"] if row else None

    async def refund(self, key: str, at: dt.datetime) -> None:
        """Delete the use of `key` at a time."""
        await self._database.execute(_REFUND, charged_key=key, at=at)

    async def get(self, key: str, at: dt.datetime) -> Sequence[dt.datetime]:
        """Return the times of the uses of `key` that count at a time."""
        row = await self._database.fetch_one(_GET, key=key, at=at)
        return row["requests"] if row else ()

"""SQL of the queue of pushes.

An endpoint is due if a message has arrived after the last push, and if a minute, or a pause after a
failure, is over. What is due is in the table alone, so a worker that dies costs a moment only: its
claims end with their lease, and messages that it did not announce are found by `find_missed`.

Measured with 100,000 endpoints and 200,000 waiting messages, on two busy cores: `claim` takes 0.2
ms if nothing is due (a partial index), `announce` 5 ms for 100 users and 0.4 ms if none of them has
an endpoint, and `find_missed` 4 ms, or 190 ms if 10,000 messages came within its period.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Interval,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)

from server.libraries.database.pool import Database
from server.libraries.database.schema import push_endpoints as endpoints
from server.libraries.database.schema import user_inbox_items as items
from server.libraries.database.statement import Statement
from server.services.push.model import DuePush, Subscription
from server.services.push.repository import MIN_INTERVAL

# Longer than any attempt takes.
LEASE = timedelta(seconds=60)
MAX_CHALLENGES = 3
# From the insertion of a message to its commit.
MAX_COMMIT = timedelta(seconds=10)
# After so long without a success, an endpoint is forgotten.
MAX_FAILING = timedelta(days=5)

_KEY = (endpoints.c.user_id, endpoints.c.id)
# Not the clock: that is volatile, and no index is used to compare with it.
_now = func.now(type_=DateTime(timezone=True))
_interval = literal(MIN_INTERVAL)
_is_confirmed = endpoints.c.confirmed.is_not(None)
# Messages before it were pushed, or read by the client that confirmed the endpoint.
_handled = func.greatest(endpoints.c.pushed, endpoints.c.confirmed)


def _announced(where: ColumnElement[bool]) -> Statement:
    """Return a statement that makes endpoints due. All who lock several do it in one order."""
    found = select(*_KEY).where(where).order_by(*_KEY).with_for_update().cte("found")
    soon = func.greatest(_now, endpoints.c.attempted + _interval)
    return Statement(
        update(endpoints)
        .where(tuple_(*_KEY).in_(select(found)))
        .values(waiting=true(), due=func.coalesce(endpoints.c.due, soon))
    )


_ANNOUNCE = _announced(
    and_(
        endpoints.c.user_id == any_(bindparam("user_ids", type_=ARRAY(Uuid))),
        _is_confirmed,
        ~endpoints.c.waiting,
    )
)


def _find_missed() -> Statement:
    newest = (
        select(items.c.user_id, func.max(items.c.received).label("received"))
        .where(items.c.received > _now - bindparam("period", type_=Interval))
        .group_by(items.c.user_id)
        .subquery("newest")
    )
    missed = select(*_KEY).where(
        endpoints.c.user_id == newest.c.user_id,
        _is_confirmed,
        endpoints.c.due.is_(None),
        newest.c.received > _handled,
    )
    return _announced(tuple_(*_KEY).in_(missed))


def _claim() -> Statement:
    due = (
        select(*_KEY)
        .where(endpoints.c.due <= _now)
        .order_by(endpoints.c.due)
        .limit(bindparam("max_pushes"))
        .with_for_update(skip_locked=True)
        .cte("due_now")
    )
    # It may have been read meanwhile. One that was just announced may have been stored before the
    # last push and committed after it.
    slack = case((endpoints.c.waiting, literal(MAX_COMMIT)), else_=literal(timedelta()))
    has_message = exists().where(
        items.c.user_id == endpoints.c.user_id, items.c.received > _handled - slack
    )
    is_needed = or_(
        and_(_is_confirmed, has_message),
        and_(~_is_confirmed, endpoints.c.challenges < MAX_CHALLENGES),
    )
    # Challenges are counted before they are sent.
    is_challenge = and_(~_is_confirmed, endpoints.c.challenges < MAX_CHALLENGES)
    return Statement(
        update(endpoints)
        .where(tuple_(*_KEY).in_(select(due)))
        .values(
            due=case((is_needed, _now + literal(LEASE)), else_=null()),
            attempted=case((is_needed, _now), else_=endpoints.c.attempted),
            challenges=endpoints.c.challenges + case((is_challenge, 1), else_=0),
            waiting=false(),
        )
        .returning(
            *_KEY,
            endpoints.c.endpoint,
            endpoints.c.p256dh,
            endpoints.c.auth,
            case((_is_confirmed, null()), else_=endpoints.c.challenge).label("challenge"),
            endpoints.c.challenged,
            endpoints.c.attempted,
            endpoints.c.failures,
            endpoints.c.due.is_not(None).label("is_needed"),
        )
    )


_FIND_MISSED = _find_missed()
_CLAIM = _claim()

# Neither claimed by another worker meanwhile, nor registered again.
_IS_CLAIMED = (
    endpoints.c.user_id == bindparam("user_id", type_=Uuid),
    endpoints.c.id == bindparam("id", type_=Uuid),
    endpoints.c.attempted == bindparam("claimed", type_=DateTime(timezone=True)),
    endpoints.c.challenged == bindparam("challenge_made", type_=DateTime(timezone=True)),
)
_again = case((endpoints.c.waiting, endpoints.c.attempted + _interval), else_=null())
_pause = _now + bindparam("pause", type_=Interval)
_can_retry = or_(_is_confirmed, endpoints.c.challenges < MAX_CHALLENGES)
_failed = {
    "failures": endpoints.c.failures + 1,
    "failing": func.coalesce(endpoints.c.failing, _now),
}
_SUCCEED = Statement(
    update(endpoints)
    .where(*_IS_CLAIMED)
    .values(due=_again, pushed=endpoints.c.attempted, failures=0, failing=null())
)
_GIVE_UP = Statement(
    update(endpoints)
    .where(*_IS_CLAIMED)
    .values(due=_again, pushed=endpoints.c.attempted, **_failed)
)
_RETRY = Statement(
    update(endpoints)
    .where(*_IS_CLAIMED)
    .values(due=case((_can_retry, _pause), else_=null()), **_failed)
)
_POSTPONE = Statement(
    update(endpoints)
    .where(*_IS_CLAIMED)
    .values(due=_pause, challenges=endpoints.c.challenges - case((~_is_confirmed, 1), else_=0))
)
_FORGET = Statement(delete(endpoints).where(*_IS_CLAIMED))
_FORGET_FAILING = Statement(
    delete(endpoints).where(*_IS_CLAIMED, endpoints.c.failing < _now - literal(MAX_FAILING))
)


class DuePushRepository:
    """The queue of pushes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, user_ids: Collection[UUID]) -> None:
        """Make the confirmed endpoints of these users due: each of them has got a message."""
        await self._database.execute(_ANNOUNCE, user_ids=list(user_ids))

    async def find_missed(self, period: timedelta) -> None:
        """Make the endpoints due whose users got a message in this period that was not pushed."""
        await self._database.execute(_FIND_MISSED, period=period)

    async def claim(self, max_pushes: int) -> tuple[list[DuePush], bool]:
        """Claim the pushes that are due; return them, and whether there may be more."""
        rows = await self._database.fetch(_CLAIM, max_pushes=max_pushes)
        pushes = [
            DuePush(
                row["user_id"],
                row["id"],
                Subscription(row["endpoint"], row["p256dh"], row["auth"]),
                row["challenge"],
                row["challenged"],
                row["attempted"],
                row["failures"],
            )
            for row in rows
            if row["is_needed"]
        ]
        return pushes, len(rows) == max_pushes

    async def succeed(self, push: DuePush) -> None:
        """Record that the push was accepted."""
        await self._end(_SUCCEED, push)

    async def give_up(self, push: DuePush) -> None:
        """Record that the push was refused for good."""
        await self._end(_FORGET_FAILING, push)
        await self._end(_GIVE_UP, push)

    async def retry(self, push: DuePush, pause: timedelta) -> None:
        """Record a failure. The push is due again after a pause."""
        await self._end(_FORGET_FAILING, push)
        await self._end(_RETRY, push, pause=pause)

    async def postpone(self, push: DuePush, pause: timedelta) -> None:
        """Return a push that was not sent. It is due after a pause."""
        await self._end(_POSTPONE, push, pause=pause)

    async def forget(self, push: DuePush) -> None:
        """Delete the endpoint."""
        await self._end(_FORGET, push)

    async def _end(self, statement: Statement, push: DuePush, **values: timedelta) -> None:
        await self._database.execute(
            statement,
            user_id=push.user_id,
            id=push.endpoint_id,
            claimed=push.attempted,
            challenge_made=push.challenged,
            **values,
        )

"""The SQL of events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.pool import Database
from server.libraries.database.schema import (
    user_event_clocks,
    user_events,
    user_follow_secrets,
    users,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import representable, start_of_day
from server.libraries.limits.quota import MAX_BYTES, bounded_expiry
from server.libraries.limits.usage import SIZE, UsageRepository

# Of one user.
MAX_EVENTS = 10_000
# What one read returns at the most, in bytes.
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
# What an event counts beside its payload: its row in memory, and its ids and times in the reply.
EVENT_BYTES = 512

_EVENT_ID = bindparam("event_id", type_=user_events.c.id.type)


@dataclass(frozen=True)
class Event:
    """An event to publish. `payload` and `iv` are opaque."""

    id: UUID
    payload: bytes
    iv: bytes
    expiry: datetime


@dataclass(frozen=True)
class FeedSubscription:
    """Whose events are wanted: those after `since`, if `secret` is one of the user's."""

    user_id: UUID
    secret: str
    since: datetime


def _put() -> Statement:
    """Upserts the user's clock, and the event with the time it shows; returns a row if it did.

    The clock's row stays locked until the commit. So the writers of one user commit one after the
    other, each with a later timestamp than the one before: also when they come in the same
    microsecond, and when the machine's time was set back.

    The clock also counts. It is not moved beyond the bound, but for an event that replaces one and
    is no larger; and the row that is returned says whether it counted right.
    """
    # First of all, as deleting the user does: in the other order the two would block each other.
    owner = (
        select(users.c.id)
        .where(users.c.id == bindparam("owner_id"))
        .with_for_update(read=True, key_share=True)
        .cte("owner")
    )
    # Locked: it is still as large, or gone, when it is replaced. Before the clock, as the sweeper
    # does, whose trigger comes to the clock last.
    old = (
        select(func.octet_length(user_events.c.encrypted_event).label("size"))
        .where(user_events.c.user_id == owner.c.id, user_events.c.id == _EVENT_ID)
        .with_for_update(of=user_events)
        .cte("old")
    )
    clocks = user_event_clocks.c
    # Of a clock that is there, events and bytes are what it grows by.
    clock = insert(user_event_clocks).from_select(
        ["user_id", "timestamp", "events", "bytes"],
        select(
            owner.c.id,
            func.clock_timestamp(),
            case((old.c.size.is_(None), 1), else_=0),
            SIZE - func.coalesce(old.c.size, 0),
        ).select_from(owner.outerjoin(old, true())),
    )
    more, more_bytes = clock.excluded.events, clock.excluded.bytes
    next_time = func.greatest(
        func.clock_timestamp(), clocks.timestamp + literal(timedelta(microseconds=1))
    )
    fits = and_(
        or_(more == 0, clocks.events < literal_column(str(MAX_EVENTS))),
        or_(more_bytes <= 0, clocks.bytes + more_bytes <= literal_column(str(MAX_BYTES))),
    )
    tick = (
        clock.on_conflict_do_update(
            index_elements=[clocks.user_id],
            set_={
                "timestamp": next_time,
                "events": clocks.events + more,
                "bytes": clocks.bytes + more_bytes,
            },
            # One that was just made has not been counted.
            where=and_(clocks.counted.is_not(None), fits),
        )
        .returning(clocks.user_id, clocks.timestamp)
        .cte("tick")
    )
    replaced = ("timestamp", "last_accessed", "expiry", "encrypted_event", "encryption_iv")
    event = insert(user_events).from_select(
        ["user_id", "id", *replaced],
        select(
            tick.c.user_id,
            _EVENT_ID,
            tick.c.timestamp,
            start_of_day(),
            bounded_expiry("event_expiry"),
            bindparam("payload", type_=user_events.c.encrypted_event.type),
            bindparam("iv", type_=user_events.c.encryption_iv.type),
        ),
    )
    # PostgreSQL's own sign of a row that was there: not if its first two writers came at once.
    was_new: ColumnElement[bool] = literal_column("(user_events.xmax = '0'::xid)")
    was_old = exists(select(old.c.size))
    return Statement(
        event.on_conflict_do_update(
            index_elements=[user_events.c.user_id, user_events.c.id],
            set_={name: event.excluded[name] for name in replaced},
        ).returning((was_new != was_old).label("is_counted"))
    )


def _get() -> Statement:
    """One row for each event, and one without an event for each entry that has none.

    An entry is a user and a secret; the same one asked twice counts once, with the earlier time.
    What does not fit into `most_bytes` is newer than all that is returned: a poller, who passes
    back the newest timestamp seen, gets it next.
    """
    asked = (
        func.unnest(
            bindparam("user_ids", type_=ARRAY(Uuid)),
            bindparam("secrets", type_=ARRAY(Text)),
            bindparam("times", type_=ARRAY(DateTime(timezone=True))),
        )
        .table_valued(
            column("user_id", Uuid),
            column("secret", Text),
            column("since", DateTime(timezone=True)),
        )
        .render_derived("asked")
    )
    entry = (
        select(asked.c.user_id, asked.c.secret, func.min(asked.c.since).label("since"))
        .group_by(asked.c.user_id, asked.c.secret)
        .cte("entry")
    )
    secret = (
        select(true())
        .where(
            user_follow_secrets.c.user_id == entry.c.user_id,
            user_follow_secrets.c.value == entry.c.secret,
        )
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    # Neither EXISTS nor a part of the join below: PostgreSQL would read the secrets of all users.
    judged = (
        select(entry, func.coalesce(secret, false()).label("valid"))
        .cte("judged")
        .prefix_with("MATERIALIZED")
    )
    wanted = and_(
        judged.c.valid,
        user_events.c.user_id == judged.c.user_id,
        user_events.c.timestamp > judged.c.since,
        user_events.c.expiry > func.now(),
    )
    size = func.octet_length(user_events.c.encrypted_event) + EVENT_BYTES
    oldest_first = (user_events.c.timestamp, user_events.c.user_id, user_events.c.id)
    found = (
        select(
            judged.c.user_id.label("asked_user_id"),
            judged.c.secret,
            judged.c.valid,
            user_events.c.id,
            user_events.c.timestamp,
            user_events.c.encrypted_event,
            user_events.c.encryption_iv,
            user_events.c.expiry,
            (func.sum(size).over(order_by=oldest_first) - size).label("bytes_before"),
        )
        .select_from(judged.outerjoin(user_events, wanted))
        .subquery("found")
    )
    # Only here: the rows come in the order of what is stored.
    times = [representable(found.c[name]).label(name) for name in ("timestamp", "expiry")]
    others = (column for column in found.c if column.name not in ("timestamp", "expiry"))
    return Statement(
        select(*others, *times)
        .where(or_(found.c.id.is_(None), found.c.bytes_before < bindparam("max_bytes")))
        .order_by(found.c.timestamp)
    )


_PUT = _put()
_GET = _get()


class EventRepository:
    """The events that users published."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._usage = UsageRepository(database)

    async def put(self, user_id: UUID, event: Event) -> None:
        """Publishes `event` of the user, or replaces the one with its id.

        Raises NotFound if there is no such user, ResourceExhausted if they store too much.
        """
        await self._usage.store(
            user_id,
            lambda: self._put(user_id, event),
            quota=f"{MAX_EVENTS:,} events, or {MAX_BYTES >> 20} MiB",
        )

    async def _put(self, user_id: UUID, event: Event) -> asyncpg.Record | None:
        return await self._database.fetch_one(
            _PUT,
            owner_id=user_id,
            event_id=event.id,
            event_expiry=event.expiry,
            payload=event.payload,
            size=len(event.payload),
            iv=event.iv,
        )

    async def get(
        self, followed: Sequence[FeedSubscription], *, max_bytes: int = MAX_RESPONSE_BYTES
    ) -> list[asyncpg.Record]:
        """Judges each of `followed` and reads the events of the valid ones, oldest first.

        Rows: asked_user_id, secret, valid, and an event's id, timestamp, encrypted_event,
        encryption_iv and expiry, or None for each where the entry has no event.
        """
        return await self._database.fetch(
            _GET,
            user_ids=[entry.user_id for entry in followed],
            secrets=[entry.secret for entry in followed],
            times=[entry.since for entry in followed],
            max_bytes=max_bytes,
        )


def bytes_of(rows: Iterable[asyncpg.Record]) -> int:
    """Return what the events among `rows` of `EventRepository.get` count."""
    return sum(len(row["encrypted_event"]) + EVENT_BYTES for row in rows if row["id"] is not None)

"""The SQL statements that write events."""

from datetime import timedelta

from sqlalchemy import (
    CTE,
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from server.libraries.database.schema import (
    user_event_clocks,
    user_events,
    users,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import start_of_day
from server.libraries.limits.quota import MAX_BYTES, capped_expiry
from server.libraries.limits.storage_usage import SIZE

# Of one user.
MAX_EVENTS = 10_000

_EVENT_ID = bindparam("event_id", type_=user_events.c.id.type)


def _owner() -> CTE:
    """Return the user, locked before everything else of theirs.

    Deleting the user does so, too: in the other order the two would block each other.
    """
    return (
        select(users.c.id)
        .where(users.c.id == bindparam("owner_id"))
        .with_for_update(read=True, key_share=True)
        .cte("owner")
    )


def _put() -> Statement:
    """Return a statement that upserts the user's clock, and the event with the clock's time.

    The clock's row stays locked until the commit. So the writers of one user commit one after the
    other, each with a later timestamp than the one before, even within the same microsecond or
    after the machine's time was set back.

    The clock also counts. It does not move beyond the quota, except for an event that replaces
    one and is no larger. A row is returned on success; it tells whether the count is right.
    """
    owner = _owner()
    # Locked, so that its size cannot change before it is replaced. Locked before the clock, in the
    # order of the sweeper, whose trigger updates the clock last.
    old = (
        select(func.octet_length(user_events.c.encrypted_event).label("size"))
        .where(user_events.c.user_id == owner.c.id, user_events.c.id == _EVENT_ID)
        .with_for_update(of=user_events)
        .cte("old")
    )
    clocks = user_event_clocks.c
    # If the clock exists, events and bytes are what it grows by.
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
            # A new clock has not been counted.
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
            capped_expiry("event_expiry"),
            bindparam("payload", type_=user_events.c.encrypted_event.type),
            bindparam("iv", type_=user_events.c.encryption_iv.type),
        ),
    )
    # PostgreSQL's own sign of an existing row; it differs if the first two writers were concurrent.
    was_new: ColumnElement[bool] = literal_column("(user_events.xmax = '0'::xid)")
    was_old = exists(select(old.c.size))
    return Statement(
        event.on_conflict_do_update(
            index_elements=[user_events.c.user_id, user_events.c.id],
            set_={name: event.excluded[name] for name in replaced},
        ).returning((was_new != was_old).label("is_counted"))
    )


def _delete() -> Statement:
    """Return a statement that deletes an event, with a row for the user.

    A trigger counts the deletion and records it with the next time of the clock.
    """
    owner = _owner()
    gone = (
        delete(user_events)
        .where(user_events.c.user_id == owner.c.id, user_events.c.id == _EVENT_ID)
        .returning(user_events.c.id)
        .cte("gone")
    )
    return Statement(select(owner.c.id).add_cte(gone))


PUT_EVENT = _put()
DELETE_EVENT = _delete()

"""The SQL statements of events."""

from datetime import timedelta

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

from server.libraries.database.schema import (
    user_event_clocks,
    user_events,
    user_follow_secrets,
    users,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import representable, start_of_day
from server.libraries.limits.quota import MAX_BYTES, capped_expiry
from server.libraries.limits.storage_usage import SIZE

# Of one user.
MAX_EVENTS = 10_000
# Size of an event beside its payload: its row in memory, and its ids and times in the response.
EVENT_BYTES = 512

_EVENT_ID = bindparam("event_id", type_=user_events.c.id.type)


def _put() -> Statement:
    """Return a statement that upserts the user's clock, and the event with the clock's time.

    The clock's row stays locked until the commit. So the writers of one user commit one after the
    other, each with a later timestamp than the one before, even within the same microsecond or
    after the machine's time was set back.

    The clock also counts. It does not move beyond the quota, except for an event that replaces
    one and is no larger. A row is returned on success; it tells whether the count is right.
    """
    # Locked first, as in deleting the user: in the other order the two would block each other.
    owner = (
        select(users.c.id)
        .where(users.c.id == bindparam("owner_id"))
        .with_for_update(read=True, key_share=True)
        .cte("owner")
    )
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


def _get() -> Statement:
    """Return a statement with a row for each event, and one for each entry without events.

    An entry is a user and a secret; a repeated entry counts once, with the earlier time. Events
    that do not fit into `max_bytes` are newer than all that are returned: a poller, which passes
    back the newest timestamp it got, receives them next.
    """
    requested = (
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
        .render_derived("requested")
    )
    entry = (
        select(requested.c.user_id, requested.c.secret, func.min(requested.c.since).label("since"))
        .group_by(requested.c.user_id, requested.c.secret)
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
    checked = (
        select(entry, func.coalesce(secret, false()).label("valid"))
        .cte("checked")
        .prefix_with("MATERIALIZED")
    )
    wanted = and_(
        checked.c.valid,
        user_events.c.user_id == checked.c.user_id,
        user_events.c.timestamp > checked.c.since,
        user_events.c.expiry > func.now(),
    )
    size = func.octet_length(user_events.c.encrypted_event) + EVENT_BYTES
    oldest_first = (user_events.c.timestamp, user_events.c.user_id, user_events.c.id)
    found = (
        select(
            checked.c.user_id.label("requested_user_id"),
            checked.c.secret,
            checked.c.valid,
            user_events.c.id,
            user_events.c.timestamp,
            user_events.c.expiry,
            user_events.c.encrypted_event,
            user_events.c.encryption_iv,
            (func.sum(size).over(order_by=oldest_first) - size).label("bytes_before"),
        )
        .select_from(checked.outerjoin(user_events, wanted))
        .subquery("found")
    )
    return Statement(
        select(
            found.c.requested_user_id,
            found.c.secret,
            found.c.valid,
            found.c.id,
            # Only here: the rows are ordered by the stored times.
            representable(found.c.timestamp).label("timestamp"),
            representable(found.c.expiry).label("expiry"),
            found.c.encrypted_event,
            found.c.encryption_iv,
        )
        .where(or_(found.c.id.is_(None), found.c.bytes_before < bindparam("max_bytes")))
        .order_by(found.c.timestamp)
    )


PUT_EVENT = _put()
GET_EVENTS = _get()

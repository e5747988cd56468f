"""The SQL statements that read events: by times, and by cursors with deletions."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.selectable import LateralFromClause

from server.libraries.database.schema import (
    user_event_clocks,
    user_event_deletions,
    user_events,
    user_follow_secrets,
)
from server.libraries.database.statement import Statement
from server.libraries.database.time import representable

# Size of an event beside its payload: its row in memory, and its ids and times in the response.
EVENT_BYTES = 512
DELETION_BYTES = 128

_MAX_BYTES = bindparam("max_bytes", type_=BigInteger)
_EVENT_SIZE = func.octet_length(user_events.c.encrypted_event) + EVENT_BYTES


def _requested(**more: "ColumnElement[Any]") -> Any:
    """Return the entries of the request: users, secrets, times, and `more` columns by parameter."""
    columns: dict[str, ColumnElement[Any]] = {
        "user_ids": column("user_id", Uuid),
        "secrets": column("secret", Text),
        "times": column("since", DateTime(timezone=True)),
        **more,
    }
    arrays = (bindparam(name, type_=ARRAY(one.type)) for name, one in columns.items())
    return func.unnest(*arrays).table_valued(*columns.values()).render_derived("requested")


def _checked(entry: Any) -> CTE:
    """Return the entries, each with whether its secret belongs to its user."""
    secret = (
        select(true())
        .where(
            user_follow_secrets.c.user_id == entry.c.user_id,
            user_follow_secrets.c.value == entry.c.secret,
        )
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    # Neither EXISTS nor a part of a join: PostgreSQL would read the secrets of all users.
    return (
        select(entry, func.coalesce(secret, false()).label("valid"))
        .cte("checked")
        .prefix_with("MATERIALIZED")
    )


def _reading(checked: CTE, *position: ColumnElement[Any]) -> "Select[Any]":
    """Return the entries, each with the user's id as `reader_id` if it reads for all of the user.

    The valid entry with the least position does. In the others, `reader_id` is null: otherwise each
    event would be read and sorted once for each valid secret of its user.
    """
    number = func.row_number().over(
        partition_by=(checked.c.user_id, checked.c.valid), order_by=(*position, checked.c.secret)
    )
    reads = and_(checked.c.valid, number == literal_column("1"))
    return select(checked, case((reads, checked.c.user_id)).label("reader_id"))


def _since() -> Statement:
    """Return a statement with a row for each event, and one for each entry without events.

    An entry is a user and a secret; a repeated entry counts once, with the earlier time. Of several
    valid entries of a user, that with the earliest time has the events, for all of them. Events
    that do not fit into `max_bytes` are newer than all that are returned: a poller, which passes
    back the newest timestamp it got, receives them next.
    """
    requested = _requested()
    entry = (
        select(requested.c.user_id, requested.c.secret, func.min(requested.c.since).label("since"))
        .group_by(requested.c.user_id, requested.c.secret)
        .cte("entry")
    )
    checked = _checked(entry)
    reading = _reading(checked, checked.c.since).cte("reading")
    wanted = and_(
        user_events.c.user_id == reading.c.reader_id,
        user_events.c.timestamp > reading.c.since,
        user_events.c.expiry > func.now(),
    )
    oldest_first = (user_events.c.timestamp, user_events.c.user_id, user_events.c.id)
    found = (
        select(
            reading.c.user_id.label("requested_user_id"),
            reading.c.secret,
            reading.c.valid,
            user_events.c.id,
            user_events.c.timestamp,
            user_events.c.expiry,
            user_events.c.encrypted_event,
            user_events.c.encryption_iv,
            (func.sum(_EVENT_SIZE).over(order_by=oldest_first) - _EVENT_SIZE).label("bytes_before"),
        )
        .select_from(reading.outerjoin(user_events, wanted))
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
        .where(or_(found.c.id.is_(None), found.c.bytes_before < _MAX_BYTES))
        .order_by(found.c.timestamp)
    )


def _changes(*, checks_secrets: bool) -> Statement:
    """Return a statement with a row for each event and deletion, and one for each other entry.

    Each entry is there once. Of several valid entries of a user, that with the least position has
    the changes, for all of them: with deletions since the earliest of their beginnings. Changes
    that do not fit into `max_bytes` come after all that are returned; if some are left out, `total`
    is more than the user's changes that are returned. Without `checks_secrets`, every entry counts
    as valid, and each user is there once.
    """
    requested = _requested(
        positions=column("position", Uuid), beginnings=column("began", DateTime(timezone=True))
    )
    checked = _checked(requested) if checks_secrets else _trusted(requested)
    reading = _reading_changes(checked) if checks_secrets else checked
    changes = union_all(_events(reading), _deletions(reading)).subquery("changes")
    in_order = (changes.c.timestamp, changes.c.user_id, changes.c.id)
    counted = select(
        changes,
        (func.sum(changes.c.size).over(order_by=in_order) - changes.c.size).label("bytes_before"),
    ).cte("counted")
    # Also of a user of whom no change fits.
    totals = (
        select(counted.c.user_id, func.count().label("total"))
        .group_by(counted.c.user_id)
        .subquery("totals")
    )
    has_total = and_(checked.c.valid, totals.c.user_id == checked.c.user_id)
    of_entry = and_(
        counted.c.user_id == checked.c.user_id,
        counted.c.secret == checked.c.secret,
        counted.c.bytes_before < _MAX_BYTES,
    )
    of_user = and_(checked.c.valid, user_event_clocks.c.user_id == checked.c.user_id)
    return Statement(
        select(
            checked.c.user_id.label("requested_user_id"),
            checked.c.secret,
            checked.c.valid,
            user_event_clocks.c.timestamp.label("newest"),
            user_event_clocks.c.pruned,
            func.coalesce(totals.c.total, 0).label("total"),
            counted.c.is_deletion,
            counted.c.id,
            representable(counted.c.timestamp).label("timestamp"),
            representable(counted.c.expiry).label("expiry"),
            counted.c.encrypted_event,
            counted.c.encryption_iv,
        )
        .select_from(
            checked.outerjoin(user_event_clocks, of_user)
            .outerjoin(totals, has_total)
            .outerjoin(counted, of_entry)
        )
        .order_by(counted.c.timestamp, counted.c.id)
    )


def _reading_changes(checked: CTE) -> CTE:
    # All deletions that any valid entry of the user has to learn about.
    began = func.min(checked.c.began).over(partition_by=(checked.c.user_id, checked.c.valid))
    reading = _reading(checked, checked.c.since, checked.c.position)
    return reading.add_columns(began.label("least_began")).cte("reading")


def _trusted(requested: Any) -> CTE:
    own = (requested.c.user_id.label("reader_id"), requested.c.began.label("least_began"))
    return select(requested, true().label("valid"), *own).cte("trusted")


def _events(reading: CTE) -> "Select[Any]":
    event = _oldest(
        select(
            user_events.c.id,
            user_events.c.timestamp,
            false().label("is_deletion"),
            _EVENT_SIZE.label("size"),
            user_events.c.expiry,
            user_events.c.encrypted_event,
            user_events.c.encryption_iv,
        ).where(_is_after(user_events, reading), user_events.c.expiry > func.now()),
        user_events,
        EVENT_BYTES,
    )
    return _of_entries(reading, event)


def _deletions(reading: CTE) -> "Select[Any]":
    deletion = _oldest(
        select(
            user_event_deletions.c.id,
            user_event_deletions.c.timestamp,
            true().label("is_deletion"),
            literal(DELETION_BYTES).label("size"),
            _no(user_events.c.expiry),
            _no(user_events.c.encrypted_event),
            _no(user_events.c.encryption_iv),
        ).where(
            _is_after(user_event_deletions, reading),
            user_event_deletions.c.timestamp > reading.c.least_began,
        ),
        user_event_deletions,
        DELETION_BYTES,
    )
    return _of_entries(reading, deletion)


def _oldest(changes: "Select[Any]", table: Any, min_bytes: int) -> LateralFromClause:
    """Return all changes that may fit, and one that does not: no page reads all later ones."""
    most = _MAX_BYTES // literal_column(str(min_bytes), Integer) + literal_column("2", Integer)
    return changes.order_by(table.c.timestamp, table.c.id).limit(most).lateral("oldest")


def _no(column: Any) -> ColumnElement[Any]:
    return cast(null(), column.type).label(column.name)


def _of_entries(reading: CTE, oldest: LateralFromClause) -> "Select[Any]":
    found = select(reading.c.user_id, reading.c.secret, *oldest.c)
    # Otherwise a small table would be scanned for the other entries, too.
    return found.select_from(reading.join(oldest, reading.c.reader_id.is_not(None)))


def _is_after(table: Any, reading: CTE) -> ColumnElement[bool]:
    position = tuple_(reading.c.since, reading.c.position)
    return and_(
        table.c.user_id == reading.c.reader_id,
        # For the index; the pair alone would not use it.
        table.c.timestamp >= reading.c.since,
        tuple_(table.c.timestamp, table.c.id) > position,
    )


GET_EVENTS = _since()
GET_CHANGES = _changes(checks_secrets=True)
# Of users whose watchers were admitted; each secret is the user's id.
GET_SHARED_CHANGES = _changes(checks_secrets=False)

"""The SQL statements of inboxes.

A lease is in force until the database's clock passes `leased_until`. Only unleased messages are
returned. All messages count towards the limits of an inbox.
"""

from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Select,
    Subquery,
    Uuid,
    any_,
    bindparam,
    cast,
    column,
    delete,
    false,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)

from server.libraries.database.schema import user_inbox_items as items
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement

# Of the messages waiting in one inbox, as they are stored.
MAX_INBOX_BYTES = 16 * 1024 * 1024
# Of one response. gRPC clients reject responses over 4 MiB by default, and these messages would be
# lost, since they are deleted when they are read.
MAX_RESPONSE_MESSAGES = 1000
MAX_RESPONSE_BYTES = 3 * 1024 * 1024

_OWNER = users.c.id == bindparam("owner_id")
_WAITING = items.c.user_id == bindparam("owner_id")
_MAX_MESSAGES = bindparam("max_messages", type_=Integer)
_MAX_BYTES: ColumnElement[int] = literal_column(str(MAX_INBOX_BYTES))
_SIZE = bindparam("size", type_=BigInteger)
_NETWORK = bindparam("network", type_=LargeBinary)
# Its size on the disk, which is known without reading it.
_STORED_SIZE = func.pg_column_size(items.c.encrypted_message)
_MESSAGE = (
    bindparam("id", type_=items.c.id.type),
    bindparam("encrypted_message", type_=items.c.encrypted_message.type),
    _NETWORK,
)
_READ = (items.c.id, items.c.encrypted_message, items.c.received)
_COLUMNS = ["user_id", "id", "encrypted_message", "network"]
# NULL if the message was never leased.
_IS_LEASED = items.c.leased_until > func.clock_timestamp()


def _put() -> Statement:
    """Return a statement that stores the message if there is room, with a row on success.

    Two concurrent messages may both take the last place: an inexact limit needs no lock.
    """
    owner = select(users.c.id).where(_OWNER).with_for_update(read=True, key_share=True).cte("owner")
    waiting = (
        select(func.count().label("number"), func.coalesce(func.sum(_STORED_SIZE), 0).label("size"))
        .where(_WAITING)
        .subquery("waiting")
    )
    new = (
        select(owner.c.id, *_MESSAGE)
        .select_from(owner, waiting)
        .where(
            or_(
                _MAX_MESSAGES == 0,
                (waiting.c.number < _MAX_MESSAGES) & (waiting.c.size + _SIZE <= _MAX_BYTES),
            )
        )
    )
    return Statement(insert(items).from_select(_COLUMNS, new).returning(items.c.id))


def _messages_by_network() -> Subquery:
    """Select the waiting messages, each with the share that its network has of the inbox.

    It is the share of the places or of the bytes, whichever is larger: a few large messages can
    also fill an inbox.
    """
    number = func.count().over(partition_by=items.c.network)
    size = func.sum(_STORED_SIZE).over(partition_by=items.c.network)
    places = cast(number, Float) / func.greatest(_MAX_MESSAGES, 1)
    share = func.greatest(places, cast(size, Float) / _MAX_BYTES)
    return (
        select(
            items.c.id,
            items.c.network,
            items.c.received,
            func.coalesce(_IS_LEASED, false()).label("is_leased"),
            _STORED_SIZE.label("size"),
            share.label("share"),
        )
        .where(_WAITING)
        .subquery("message")
    )


def _put_into_full_inbox() -> Statement:
    """Return a statement that replaces the newest messages of the network with the largest share.

    There is no row if that is the sender's own network. Messages are deleted until the new one fits
    or their size reaches its own: so an inbox that was over the limit does not grow. Leased ones
    are deleted last, for their reader expects to get them again if processing them fails.
    """
    message = _messages_by_network()
    newest_first = (
        message.c.share.desc(),
        message.c.network.nulls_last(),
        message.c.is_leased,
        message.c.received.desc().nulls_last(),
        message.c.id,
    )
    ranked = select(
        message,
        func.row_number().over(order_by=newest_first).label("rank"),
        (func.sum(message.c.size).over(order_by=newest_first) - message.c.size).label("freed"),
        func.sum(message.c.size).over().label("total"),
    ).cte("ranked")
    own = select(func.max(ranked.c.share)).where(ranked.c.network == _NETWORK).scalar_subquery()
    largest = select(func.max(ranked.c.share)).scalar_subquery()
    # NULL if no message of this network waits, or none at all.
    decision = select(func.coalesce(own >= largest, false()).label("is_rejected")).cte("decision")
    needed = func.least(_SIZE, ranked.c.total + _SIZE - _MAX_BYTES)
    evicted = (
        select(ranked.c.id)
        .select_from(ranked.join(decision, ~decision.c.is_rejected))
        .where(or_(ranked.c.rank == 1, ranked.c.freed < needed))
    )
    deleted = delete(items).where(items.c.id.in_(evicted)).cte("deleted")
    new = (
        select(users.c.id, *_MESSAGE)
        .select_from(users.join(decision, ~decision.c.is_rejected))
        .where(_OWNER)
    )
    return Statement(
        insert(items).from_select(_COLUMNS, new).returning(items.c.id).add_cte(deleted)
    )


def _oldest(max_messages: int | BindParameter[int]) -> Select[tuple[UUID]]:
    """Lock and select the ids of the oldest unleased messages; no two readers get the same ones.

    Anyone may send messages, so a response is limited: the rest remains for the next one.
    """
    # Messages from before Gymlocker have no time; they are the oldest.
    waiting = (
        select(items.c.id, items.c.received, items.c.encrypted_message)
        .where(_WAITING, or_(items.c.leased_until.is_(None), ~_IS_LEASED))
        .order_by(items.c.received.asc().nulls_first(), items.c.id)
        .limit(max_messages)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    chunk = func.unnest(waiting.c.encrypted_message).column_valued("chunk")
    size = select(func.coalesce(func.sum(func.octet_length(chunk)), 0)).scalar_subquery()
    measured = select(waiting, size.label("size")).cte("measured")
    up_to_here = func.sum(measured.c.size).over(
        order_by=(measured.c.received.asc().nulls_first(), measured.c.id)
    )
    summed = select(measured.c.id, (up_to_here - measured.c.size).label("before")).cte("summed")
    return select(summed.c.id).where(summed.c.before < MAX_RESPONSE_BYTES)


def _oldest_first(message: CTE, *others: ColumnElement[int]) -> Statement:
    """Return a statement for messages that were read, in their order."""
    # LiftLog may have stored a chunk that is null; the rest of the message must not be lost.
    chunks = func.array_replace(message.c.encrypted_message, null(), literal(b""))
    return Statement(
        select(message.c.id, chunks.label("encrypted_message"), *others).order_by(
            message.c.received.asc().nulls_first(), message.c.id
        )
    )


def _take() -> Statement:
    """Return a statement that deletes and returns messages."""
    return _oldest_first(
        delete(items)
        .where(items.c.id.in_(_oldest(MAX_RESPONSE_MESSAGES)))
        .returning(*_READ)
        .cte("taken")
    )


def _lease() -> Statement:
    """Return a statement that leases and returns messages."""
    leased = (
        update(items)
        .where(items.c.id.in_(_oldest(_MAX_MESSAGES)))
        .values(
            leased_until=func.clock_timestamp() + bindparam("duration", type_=Interval),
            deliveries=items.c.deliveries + 1,
        )
        .returning(*_READ, items.c.deliveries)
        .cte("leased")
    )
    return _oldest_first(leased, leased.c.deliveries)


def _acknowledge() -> Statement:
    """Return a statement that deletes messages by their ids.

    It waits for concurrent readers instead of skipping what they have locked, since a message that
    was acknowledged must not be returned again. Callers lock the same messages in the same order.
    """
    acknowledged = (
        select(items.c.id)
        .where(_WAITING, items.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
        .order_by(items.c.id)
        .with_for_update()
        .cte("acknowledged")
    )
    return Statement(delete(items).where(items.c.id.in_(select(acknowledged.c.id))))


def _count_waiting() -> Statement:
    """Return a statement that counts unleased messages by user.

    `seconds` are those until the next lease ends; NULL if no message is leased.
    """
    requested = (
        func.unnest(bindparam("user_ids", type_=ARRAY(Uuid)))
        .table_valued(column("user_id", Uuid))
        .render_derived("requested")
    )
    waiting = func.count(items.c.id).filter(func.coalesce(~_IS_LEASED, true()))
    next_end = func.min(items.c.leased_until).filter(_IS_LEASED)
    return Statement(
        select(
            requested.c.user_id,
            waiting.label("count"),
            cast(func.extract("epoch", next_end - func.clock_timestamp()), Float).label("seconds"),
        )
        .select_from(requested.outerjoin(items, items.c.user_id == requested.c.user_id))
        .group_by(requested.c.user_id)
    )


PUT_MESSAGE = _put()
PUT_MESSAGE_INTO_FULL_INBOX = _put_into_full_inbox()
# One writer of a full inbox at a time. Only changing and deleting the user waits for it.
LOCK_INBOX = Statement(select(users.c.id).where(_OWNER).with_for_update(key_share=True))
TAKE_MESSAGES = _take()
LEASE_MESSAGES = _lease()
ACKNOWLEDGE_MESSAGES = _acknowledge()
COUNT_WAITING = _count_waiting()

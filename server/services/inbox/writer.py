"""The SQL that puts a message into an inbox, and keeps a full one from being anybody's alone."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    LargeBinary,
    Subquery,
    bindparam,
    cast,
    delete,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from server.errors import ResourceExhausted, no_such_user
from server.libraries.database.idempotency import GET_ANSWER, STORE, digest_of
from server.libraries.database.pool import Connection, Database
from server.libraries.database.schema import user_inbox_items as items
from server.libraries.database.schema import users
from server.libraries.database.statement import Statement
from server.libraries.limits.quota import RETRY_AFTER

# Of the messages that wait in one inbox, as they are stored.
MAX_BYTES = 16 * 1024 * 1024

_OWNER = users.c.id == bindparam("owner_id")
_WAITING = items.c.user_id == bindparam("owner_id")
_MAXIMUM = bindparam("maximum", type_=Integer)
_MAX_BYTES: ColumnElement[int] = literal_column(str(MAX_BYTES))
_SIZE = bindparam("size", type_=BigInteger)
_NETWORK = bindparam("network", type_=LargeBinary)
# What it takes on the disk, which is known without reading it.
_STORED_SIZE = func.pg_column_size(items.c.encrypted_message)
_MESSAGE = (
    bindparam("id", type_=items.c.id.type),
    bindparam("encrypted_message", type_=items.c.encrypted_message.type),
    _NETWORK,
)
_COLUMNS = ["user_id", "id", "encrypted_message", "network"]


def _put() -> Statement:
    """Puts the message if there is room; returns a row if it did.

    Two at once may both find the last place: a bound that is not exact costs no lock.
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
                _MAXIMUM == 0,
                (waiting.c.number < _MAXIMUM) & (waiting.c.size + _SIZE <= _MAX_BYTES),
            )
        )
    )
    return Statement(insert(items).from_select(_COLUMNS, new).returning(items.c.id))


def _messages_by_network() -> Subquery:
    """The messages that wait, those to be given up first, each with the share of its network.

    A share is of the places or of the bytes, whichever is more: few large messages fill an inbox,
    too.
    """
    number = func.count().over(partition_by=items.c.network)
    size = func.sum(_STORED_SIZE).over(partition_by=items.c.network)
    places = cast(number, Float) / func.greatest(_MAXIMUM, 1)
    share = func.greatest(places, cast(size, Float) / _MAX_BYTES)
    return (
        select(
            items.c.id,
            items.c.network,
            items.c.received,
            _STORED_SIZE.label("size"),
            share.label("share"),
        )
        .where(_WAITING)
        .subquery("message")
    )


def _put_for_another() -> Statement:
    """Puts the message, and gives up the newest of the network that has most waiting.

    Returns a row, unless that is the network the message comes from. As much is given up as the
    message needs, and never more than it has: an inbox that was over the bound does not grow.
    """
    message = _messages_by_network()
    newest_first = (
        message.c.share.desc(),
        message.c.network.nulls_last(),
        message.c.received.desc().nulls_last(),
        message.c.id,
    )
    ranked = select(
        message,
        func.row_number().over(order_by=newest_first).label("rank"),
        (func.sum(message.c.size).over(order_by=newest_first) - message.c.size).label("freed"),
        func.sum(message.c.size).over().label("total"),
    ).cte("ranked")
    mine = select(func.max(ranked.c.share)).where(ranked.c.network == _NETWORK).scalar_subquery()
    largest = select(func.max(ranked.c.share)).scalar_subquery()
    # NULL if nothing of mine waits, or nothing at all any more.
    verdict = select(func.coalesce(mine >= largest, false()).label("is_refused")).cte("verdict")
    needed = func.least(_SIZE, ranked.c.total + _SIZE - _MAX_BYTES)
    given_up = (
        select(ranked.c.id)
        .select_from(ranked.join(verdict, ~verdict.c.is_refused))
        .where(or_(ranked.c.rank == 1, ranked.c.freed < needed))
    )
    gone = delete(items).where(items.c.id.in_(given_up)).cte("gone")
    new = (
        select(users.c.id, *_MESSAGE)
        .select_from(users.join(verdict, ~verdict.c.is_refused))
        .where(_OWNER)
    )
    return Statement(insert(items).from_select(_COLUMNS, new).returning(items.c.id).add_cte(gone))


_PUT = _put()
_PUT_FOR_ANOTHER = _put_for_another()
# One writer of a full inbox at a time. Nothing but changing and deleting the user waits for it.
_LOCK = Statement(select(users.c.id).where(_OWNER).with_for_update(key_share=True))


class InboxWriter:
    """Puts messages into inboxes that hold `maximum` messages; 0 is no limit."""

    def __init__(self, database: Database, *, maximum: int) -> None:
        self._database = database
        self._maximum = maximum

    async def put(
        self, user_id: UUID, message: Sequence[bytes], network: bytes | None, *, name: str = ""
    ) -> None:
        """Puts `message`, in chunks, into the user's inbox; `network` stands for where it is from.

        Once, if it has a `name`; anybody may put messages, so another message of the same name is
        another one. Raises NotFound if there is no such user, ResourceExhausted if the inbox is
        full and no network has more waiting there than this one.
        """
        parameters = {
            "owner_id": user_id,
            "id": uuid4(),
            "encrypted_message": list(message),
            "network": network,
            "size": sum(map(len, message)),
            "maximum": self._maximum,
        }
        request = {
            "user_id": user_id,
            "key": _key(message, name),
            "contents": b"",
            "answer": "",
        }
        if not name and await self._database.fetch_one(_PUT, **parameters):
            return

        async def put(connection: Connection) -> None:
            if await connection.fetchval(_LOCK.sql, user_id) is None:
                raise no_such_user()
            if name and await connection.fetchval(STORE.sql, *STORE.arguments(request)) is None:
                return
            for statement in (_PUT, _PUT_FOR_ANOTHER):
                if await connection.fetchval(statement.sql, *statement.arguments(parameters)):
                    return
            # Undoes the note, too: the same message may be sent again.
            raise inbox_full()

        await self._database.transact(put)

    async def was_put(self, user_id: UUID, message: Sequence[bytes], name: str) -> bool:
        """Check whether `message` was put into the user's inbox by this name already."""
        return bool(
            await self._database.fetch_one(GET_ANSWER, user_id=user_id, key=_key(message, name))
        )


def _key(message: Sequence[bytes], name: str) -> bytes:
    return digest_of([b"inbox", name.encode(), *message])


def inbox_full() -> ResourceExhausted:
    """Return the error for an inbox that is full of what this network sent."""
    return ResourceExhausted(
        "The inbox is full, and most of what waits there is from your network. "
        "Try again when its owner has read it.",
        reason="INBOX_FULL",
        retry_after=RETRY_AFTER,
    )

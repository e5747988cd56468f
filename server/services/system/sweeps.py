"""The SQL of what is swept: rows that have expired, and users whom nobody uses any more."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Table,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.sql.dml import ReturningDelete

from server.libraries.database.schema import (
    milestones,
    network_keys,
    password_failures,
    rate_limit_consumptions,
    request_keys,
    sessions,
    shared_items,
    user_events,
    user_inbox_items,
    users,
    workouts,
)
from server.libraries.database.statement import Statement

# After so long, a message is no longer waited for, and a user no longer comes back.
INBOX_TIME = dt.timedelta(days=180)
UNUSED_TIME = dt.timedelta(days=90)

# What keeps a user who is not seen: what others can still read, or they themselves come back for.
# Not an inbox, into which anybody may put something for ever; nor follow secrets, which lead to
# nothing where there is no event.
KEEPS = (
    (user_events, user_events.c.expiry > func.now()),
    (shared_items, shared_items.c.expiry > func.now()),
    (sessions, sessions.c.expiry > func.now()),
    (workouts, literal(value=True)),
)


def _delete(table: Table, is_expired: ColumnElement[bool]) -> ReturningDelete[int]:
    """Deletes a limited number of expired rows, passing over those that are being written."""
    key = list(table.primary_key)
    expired = (
        select(*key)
        .where(is_expired)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    return delete(table).where(tuple_(*key).in_(select(expired))).returning(literal(1))


def _is_unused() -> ColumnElement[bool]:
    """Whether a user has no username, was not seen for long, and has nothing left.

    Nobody is before it is known for as long who is seen: a LiftLog server writes it for some calls
    alone.
    """
    long_ago = func.now() - literal(UNUSED_TIME)
    is_known = exists().where(milestones.c.name == "bounds", milestones.c.time < long_ago)
    keeps = (~exists().where(table.c.user_id == users.c.id, holds) for table, holds in KEEPS)
    return and_(
        users.c.username.is_(None),
        users.c.last_accessed < long_ago,
        users.c.created < long_ago,
        is_known,
        *keeps,
    )


@dataclass(frozen=True)
class Sweep:
    """One kind of row. Returns a row for each that it removed, at most `most` of them.

    With `find`, that is asked first, and locks: `delete` then sees what came in the meantime.
    """

    delete: Statement
    find: Statement | None = None
    most: int = 500


@dataclass(frozen=True)
class Sweeps:
    """What one sweep removes. For `lock` any number will do that all workers use for it alone."""

    lock: int
    kinds: tuple[Sweep, ...]


_FIND_USERS = Statement(
    select(users.c.id)
    .where(_is_unused())
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DELETE_USERS = Statement(
    delete(users)
    .where(users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))), _is_unused())
    .returning(literal(1))
)

SWEEPS = Sweeps(
    6_847_102_955_318_005,
    (
        # With its key, the hashes of a day that is over become noise.
        Sweep(
            Statement(
                _delete(
                    network_keys, network_keys.c.day < func.timezone("UTC", func.now()).cast(Date)
                )
            )
        ),
        *(
            Sweep(Statement(_delete(table, table.c.expiry <= func.now())))
            for table in (user_events, shared_items, sessions, request_keys)
        ),
        Sweep(
            Statement(
                _delete(
                    user_inbox_items, user_inbox_items.c.received < func.now() - literal(INBOX_TIME)
                )
            )
        ),
        # Few at a time: a full inbox goes with each.
        Sweep(_DELETE_USERS, _FIND_USERS, most=20),
    ),
)
_a_day_ago = func.now() - literal(dt.timedelta(days=1))
# In a database that may be another one.
RATE_LIMIT_SWEEPS = Sweeps(
    6_847_102_955_318_006,
    (
        Sweep(Statement(_delete(password_failures, password_failures.c.forgiven <= func.now()))),
        # None of its requests counts any more.
        Sweep(
            Statement(
                _delete(
                    rate_limit_consumptions, _a_day_ago >= all_(rate_limit_consumptions.c.requests)
                )
            )
        ),
    ),
)

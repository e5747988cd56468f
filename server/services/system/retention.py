"""Statements that remove expired rows and unused users."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

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
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete

from server.libraries.database.schema import (
    access_keys,
    backups,
    identities,
    invitations,
    milestones,
    network_keys,
    password_failures,
    push_endpoints,
    rate_limit_consumptions,
    request_keys,
    sessions,
    shared_items,
    user_event_clocks,
    user_event_deletions,
    user_events,
    user_inbox_items,
    users,
    workout_clocks,
    workout_deletions,
    workouts,
)
from server.libraries.database.statement import Statement

# After these times, a message is not expected to be read, nor a user to return.
INBOX_TIME = dt.timedelta(days=180)
UNUSED_TIME = dt.timedelta(days=90)
# Within this time, a device learns of deleted workouts without reading all others again.
DELETIONS_TIME = dt.timedelta(days=90)
# So long after they expired, keys are still listed, so that their users see why something failed.
EXPIRED_KEY_TIME = dt.timedelta(days=30)
# The same for followers and events.
EVENT_DELETIONS_TIME = dt.timedelta(days=30)
# A push endpoint that was not confirmed after this time has to be registered again.
UNCONFIRMED_TIME = dt.timedelta(days=1)

# Rows that keep an inactive user: those that others can still read, or that the user returns for.
# Inboxes do not count, because anybody may send to them for ever; nor do follow secrets, which are
# useless without events.
KEEPS = (
    (user_events, user_events.c.expiry > func.now()),
    (shared_items, shared_items.c.expiry > func.now()),
    (sessions, sessions.c.expiry > func.now()),
    (workouts, literal(value=True)),
    (backups, literal(value=True)),
    # An identity has no other activity that is recorded: it may return at any time.
    (identities, literal(value=True)),
    (access_keys, or_(access_keys.c.expiry.is_(None), access_keys.c.expiry > func.now())),
)


def _delete(table: Table, is_expired: ColumnElement[bool]) -> ReturningDelete[int]:
    """Return a deletion of at most `max_rows` expired rows that skips locked ones."""
    key = list(table.primary_key)
    expired = (
        select(*key)
        .where(is_expired)
        .limit(bindparam("max_rows"))
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    return delete(table).where(tuple_(*key).in_(select(expired))).returning(literal(1))


def _is_of(table: Table) -> ColumnElement[bool]:
    """Return the condition of rows of the users that were found."""
    return table.c.user_id == any_(bindparam("ids", type_=ARRAY(Uuid)))


def _is_unused() -> ColumnElement[bool]:
    """Return the condition of unused users: inactive for long, without a username or rows of KEEPS.

    No user is unused until this server has recorded activity for as long. A LiftLog server records
    it for some requests only.
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
    """Removal of one kind of row. `delete` returns a row for each of at most `max_rows` removed.

    `find` runs first, if there is one, and locks the rows. `delete` then sees concurrent changes.
    """

    delete: Statement
    find: Statement | None = None
    max_rows: int = 500


@dataclass(frozen=True)
class Sweeps:
    """Kinds of rows that one sweep removes. `lock` is the key of its advisory lock."""

    lock: int
    kinds: tuple[Sweep, ...]


_FIND_USERS = Statement(
    select(users.c.id)
    .where(_is_unused())
    .limit(bindparam("max_rows"))
    .with_for_update(skip_locked=True)
)
_DELETE_USERS = Statement(
    delete(users)
    .where(users.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))), _is_unused())
    .returning(literal(1))
)

# Their users are locked before the events, as by all who write events: the trigger that counts and
# records deletions locks the user.
_FIND_OWNERS = Statement(
    select(users.c.id)
    .where(
        users.c.id.in_(
            select(user_events.c.user_id)
            .where(user_events.c.expiry <= func.now())
            .order_by(user_events.c.expiry)
            .limit(bindparam("max_rows"))
        )
    )
    .with_for_update(read=True, key_share=True, skip_locked=True)
)
_DELETE_EVENTS = Statement(
    _delete(user_events, and_(user_events.c.expiry <= func.now(), _is_of(user_events)))
)


@dataclass(frozen=True)
class _Deletions:
    """A table of deletions: when each happened, its place in the order, and the user's clock."""

    table: Table
    deleted: ColumnElement[dt.datetime]
    order: ColumnElement[Any]
    clock: Table
    kept: dt.timedelta

    def sweep(self) -> Sweep:
        """Return a removal of old deletions; their clocks record the newest one removed.

        The clock is locked first, as by every writer.
        """
        is_old = self.deleted < func.now() - literal(self.kept)
        of_old = select(self.table.c.user_id).where(is_old).order_by(self.deleted)
        find = (
            select(self.clock.c.user_id.label("id"))
            .where(self.clock.c.user_id.in_(of_old.limit(bindparam("max_rows"))))
            .with_for_update(skip_locked=True)
        )
        key = (self.table.c.user_id, self.table.c.id)
        old = (
            select(*key)
            .where(_is_of(self.table), is_old)
            .order_by(self.deleted, self.order)
            .limit(bindparam("max_rows"))
            .cte("old")
        )
        gone = (
            delete(self.table)
            .where(tuple_(*key).in_(select(old)))
            .returning(self.table.c.user_id, self.order.label("place"))
            .cte("gone")
        )
        newest = (
            select(gone.c.user_id, func.max(gone.c.place).label("place"))
            .group_by(gone.c.user_id)
            .subquery("newest")
        )
        recorded = (
            update(self.clock)
            .where(self.clock.c.user_id == newest.c.user_id)
            .values(pruned=func.greatest(self.clock.c.pruned, newest.c.place))
            .returning(literal(1))
            .cte("recorded")
        )
        counted = select(literal(1)).select_from(gone).add_cte(recorded)
        return Sweep(Statement(counted), Statement(find))


_EVENT_DELETIONS = _Deletions(
    user_event_deletions,
    user_event_deletions.c.timestamp,
    user_event_deletions.c.timestamp,
    user_event_clocks,
    EVENT_DELETIONS_TIME,
)
_WORKOUT_DELETIONS = _Deletions(
    workout_deletions,
    workout_deletions.c.deleted,
    workout_deletions.c.revision,
    workout_clocks,
    DELETIONS_TIME,
)

SWEEPS = Sweeps(
    6_847_102_955_318_005,
    (
        # Without the key of a past day, its hashes cannot be linked to networks.
        Sweep(
            Statement(
                _delete(
                    network_keys, network_keys.c.day < func.timezone("UTC", func.now()).cast(Date)
                )
            )
        ),
        *(
            Sweep(Statement(_delete(table, table.c.expiry <= func.now())))
            for table in (shared_items, sessions, request_keys, invitations)
        ),
        Sweep(
            Statement(
                _delete(access_keys, access_keys.c.expiry < func.now() - literal(EXPIRED_KEY_TIME))
            )
        ),
        Sweep(
            Statement(
                _delete(
                    push_endpoints,
                    and_(
                        push_endpoints.c.confirmed.is_(None),
                        push_endpoints.c.challenged < func.now() - literal(UNCONFIRMED_TIME),
                    ),
                )
            )
        ),
        Sweep(_DELETE_EVENTS, _FIND_OWNERS),
        Sweep(
            Statement(
                _delete(
                    user_inbox_items, user_inbox_items.c.received < func.now() - literal(INBOX_TIME)
                )
            )
        ),
        _EVENT_DELETIONS.sweep(),
        _WORKOUT_DELETIONS.sweep(),
        # Few at a time: each may have a full inbox.
        Sweep(_DELETE_USERS, _FIND_USERS, max_rows=20),
    ),
)
_a_day_ago = func.now() - literal(dt.timedelta(days=1))
# The rate limits may be in another database.
RATE_LIMIT_SWEEPS = Sweeps(
    6_847_102_955_318_006,
    (
        Sweep(Statement(_delete(password_failures, password_failures.c.forgiven <= func.now()))),
        # All of its requests are older than the longest window.
        Sweep(
            Statement(
                _delete(
                    rate_limit_consumptions, _a_day_ago >= all_(rate_limit_consumptions.c.requests)
                )
            )
        ),
    ),
)

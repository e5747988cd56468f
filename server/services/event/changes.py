"""Changes of users after cursors, from the rows of GET_CHANGES."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.services.event.cursor import BEGINNING, LAST_ID, START, Position
from server.services.event.feed import Feed, FeedSubscription, add_event, finished

Entry: TypeAlias = tuple[UUID, str]
Rows: TypeAlias = Sequence[asyncpg.Record]


def merged(subscriptions: Iterable[FeedSubscription]) -> list[FeedSubscription]:
    """Return one subscription for each user and secret: of several, the one that knows least."""
    found: dict[Entry, FeedSubscription] = {}
    for one in subscriptions:
        known = found.setdefault(entry_of(one), one)
        if one.position < known.position:
            found[entry_of(one)] = one
    return list(found.values())


def begun_again(
    subscriptions: Sequence[FeedSubscription], rows: Rows
) -> list[FeedSubscription] | None:
    """Return the subscriptions, those with an unfit cursor at the beginning; None if all fit.

    A cursor does not fit if deletions after it are no longer recorded, or if it is of a later state
    of the database.
    """
    clocks = {_entry_in(row): row for row in rows if row["valid"]}

    def fits(one: FeedSubscription) -> bool:
        clock = clocks.get(entry_of(one))
        if clock is None or not one.has_cursor:
            return True
        newest, pruned = clock["newest"] or BEGINNING, clock["pruned"] or BEGINNING
        return pruned <= max(one.position.time, one.position.began) and one.position.time <= newest

    if all(fits(one) for one in subscriptions):
        return None
    return [
        one if fits(one) else one._replace(position=START, has_cursor=False, is_reset=True)
        for one in subscriptions
    ]


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of users after the positions of subscriptions.

    `valid` are the entries whose secret is right, and `newest` the position of each of their users
    after `rows`. `complete` are the users of whom nothing was left out. `rows` are the events and
    deletions in the order of their times, each once.
    """

    incarnation: Incarnation
    valid: frozenset[Entry]
    resets: Sequence[UUID]
    rows: Rows
    newest: Mapping[UUID, Position]
    complete: frozenset[UUID]


def changes_of(
    incarnation: Incarnation, subscriptions: Sequence[FeedSubscription], rows: Rows
) -> Changes:
    """Return the changes in rows of GET_CHANGES.

    With two right secrets of one user, they are those of the one that knows least.
    """
    by_entry = {entry_of(one): one for one in subscriptions}
    valid = {_entry_in(row) for row in rows if row["valid"]}
    resets: dict[UUID, None] = {}
    newest: dict[UUID, Position] = {}
    complete: set[UUID] = set()
    changed: dict[tuple[UUID, UUID], asyncpg.Record] = {}
    for user_id, of_user in _by_user(row for row in rows if row["valid"]):
        entries = {_entry_in(row): None for row in of_user}
        of_entries = [by_entry[entry] for entry in entries]
        changes = [row for row in of_user if row["id"] is not None]
        newest[user_id], is_complete = _position_after(of_entries, of_user[0], changes)
        if is_complete:
            complete.add(user_id)
        if any(one.is_reset for one in of_entries):
            resets[user_id] = None
        # An event comes after the deletion of one with the same id, and takes its place.
        changed |= {(user_id, row["id"]): row for row in changes}
    ordered = sorted(changed.values(), key=itemgetter("timestamp", "requested_user_id", "id"))
    return Changes(
        incarnation, frozenset(valid), list(resets), ordered, newest, frozenset(complete)
    )


def feed_of_changes(subscriptions: Sequence[FeedSubscription], changes: Changes) -> Feed:
    """Build the response of GetEvents."""
    response = event_pb2.GetEventsResponse(resets=map(str, changes.resets))
    for row in changes.rows:
        user_id, id_ = row["requested_user_id"], row["id"]
        if row["is_deletion"]:
            response.deleted.add(user_id=str(user_id), event_id=str(id_))
        else:
            times = (row["timestamp"], row["expiry"])
            payload = (row["encrypted_event"], row["encryption_iv"])
            add_event(response.events, user_id, id_, *times, *payload)
    return finished(changes.incarnation, response, subscriptions, changes.valid, changes.newest)


@dataclass(frozen=True, slots=True)
class UserRows:
    """Rows of GET_SHARED_CHANGES of one user.

    `newest` and `pruned` are the times of the newest change, and of the newest deletion that is no
    longer recorded. `is_complete` is false if changes were left out.
    """

    newest: datetime
    pruned: datetime
    is_complete: bool
    changes: Rows


def by_user(rows: Rows) -> dict[UUID, UserRows]:
    """Return the rows of GET_SHARED_CHANGES by user."""
    return {user_id: _user_rows(of_user) for user_id, of_user in _by_user(rows)}


def _user_rows(rows: Rows) -> UserRows:
    first, changes = rows[0], [row for row in rows if row["id"] is not None]
    return UserRows(
        newest=first["newest"] or BEGINNING,
        pruned=first["pruned"] or BEGINNING,
        is_complete=len(changes) == first["total"],
        changes=changes,
    )


def _position_after(
    subscriptions: Sequence[FeedSubscription], clock: asyncpg.Record, changes: Rows
) -> tuple[Position, bool]:
    """Return the position after changes of a user, and whether they are all.

    The subscriptions are those of the user whose secret is right.
    """
    newest = clock["newest"] or BEGINNING
    positions = [one.position for one in subscriptions]
    began = min(one.deletions_known(at_start=newest) for one in subscriptions)
    if len(changes) == clock["total"]:
        # Not the last row: the clock may have moved for an event that has expired.
        return Position(newest, LAST_ID, began), True
    if changes:
        return Position(changes[-1]["timestamp"], changes[-1]["id"], began), False
    return min(positions)._replace(began=began), False


def _by_user(rows: Iterable[asyncpg.Record]) -> Iterator[tuple[UUID, Rows]]:
    key = itemgetter("requested_user_id")
    # Sorting keeps the order within a user.
    for user_id, of_user in groupby(sorted(rows, key=key), key=key):
        yield user_id, list(of_user)


def _entry_in(row: asyncpg.Record) -> Entry:
    return row["requested_user_id"], row["secret"]


def entry_of(subscription: FeedSubscription) -> Entry:
    """Return the user and the secret of a subscription."""
    return subscription.user_id, subscription.secret

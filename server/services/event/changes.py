"""The response of GetEvents for cursors, built from the rows of GET_CHANGES."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias
from uuid import UUID

import asyncpg
from gymlocker.v2 import event_pb2

from server.libraries.database.incarnation import Incarnation
from server.services.event.cursor import BEGINNING, LAST_ID, Position
from server.services.event.feed import Feed, FeedSubscription, add_event, finished

Entry: TypeAlias = tuple[UUID, str]
Rows: TypeAlias = Sequence[asyncpg.Record]


def merged(subscriptions: Iterable[FeedSubscription]) -> list[FeedSubscription]:
    """Return one subscription for each user and secret: of several, the one that knows least."""
    found: dict[Entry, FeedSubscription] = {}
    for one in subscriptions:
        known = found.setdefault(_entry_of(one), one)
        if one.position < known.position:
            found[_entry_of(one)] = one
    return list(found.values())


def begun_again(
    subscriptions: Sequence[FeedSubscription], rows: Rows
) -> list[FeedSubscription] | None:
    """Return the subscriptions, those with an unfit cursor at the beginning; None if all fit.

    A cursor does not fit if deletions after it are no longer recorded, or if it is of a later state
    of the database.
    """
    clocks = {entry: of_entry[0] for entry, of_entry in _by_entry(rows) if of_entry[0]["valid"]}

    def fits(one: FeedSubscription) -> bool:
        clock = clocks.get(_entry_of(one))
        if clock is None or not one.has_cursor:
            return True
        newest, pruned = clock["newest"] or BEGINNING, clock["pruned"] or BEGINNING
        return pruned <= max(one.position.time, one.position.began) and one.position.time <= newest

    if all(fits(one) for one in subscriptions):
        return None
    return [
        one if fits(one) else replace(one, position=Position(), has_cursor=False, is_reset=True)
        for one in subscriptions
    ]


def changes_of(
    incarnation: Incarnation, subscriptions: Sequence[FeedSubscription], rows: Rows
) -> Feed:
    """Build the response from rows of GET_CHANGES, each event and deletion once.

    With two right secrets of one user, the response covers the one that knows least.
    """
    response = event_pb2.GetEventsResponse()
    by_entry = {_entry_of(one): one for one in subscriptions}
    valid: set[Entry] = set()
    newest: dict[UUID, Position] = {}
    changed: dict[tuple[UUID, UUID], asyncpg.Record] = {}
    for entry, of_entry in _by_entry(rows):
        if not of_entry[0]["valid"]:
            continue
        valid.add(entry)
        user_id, subscription = entry[0], by_entry[entry]
        position = _position_after(subscription, of_entry)
        newest[user_id] = min(newest.get(user_id, position), position)
        if subscription.is_reset and str(user_id) not in response.resets:
            response.resets.append(str(user_id))
        # An event comes after the deletion of one with the same id, and takes its place.
        changed |= {(user_id, row["id"]): row for row in of_entry if row["id"] is not None}
    _add_changes(response, changed.values())
    return finished(incarnation, response, subscriptions, valid, newest)


def _add_changes(response: event_pb2.GetEventsResponse, rows: Iterable[asyncpg.Record]) -> None:
    for row in sorted(rows, key=itemgetter("timestamp", "requested_user_id", "id")):
        user_id, id_ = row["requested_user_id"], row["id"]
        if row["is_deletion"]:
            response.deleted.add(user_id=str(user_id), event_id=str(id_))
        else:
            times = (row["timestamp"], row["expiry"])
            payload = (row["encrypted_event"], row["encryption_iv"])
            add_event(response.events, user_id, id_, *times, *payload)


def _position_after(subscription: FeedSubscription, rows: Rows) -> Position:
    """Return the position after the rows of an entry, which may be cut."""
    newest = rows[0]["newest"] or BEGINNING
    is_new = subscription.position == Position()
    began = newest if is_new else subscription.position.began
    found = sum(row["id"] is not None for row in rows)
    if found == rows[0]["total"]:
        # Not the last row: the clock may have moved for an event that has expired.
        return Position(newest, LAST_ID, began)
    if found:
        return Position(rows[-1]["timestamp"], rows[-1]["id"], began)
    return replace(subscription.position, began=began)


def _by_entry(rows: Rows) -> Iterator[tuple[Entry, Rows]]:
    key = itemgetter("requested_user_id", "secret")
    # Sorting keeps the order within an entry.
    for entry, of_entry in groupby(sorted(rows, key=key), key=key):
        yield entry, list(of_entry)


def _entry_of(subscription: FeedSubscription) -> Entry:
    return subscription.user_id, subscription.secret

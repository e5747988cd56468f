"""Retention: the backups that are kept, of those that a person has."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Retention:
    """The numbers of backups to keep: the last ones, then one a day, a week and a month."""

    last: int
    daily: int
    weekly: int
    monthly: int


def kept(times: Collection[datetime], retention: Retention) -> set[datetime]:
    """Return the times of the backups to keep. All times are different, and in UTC.

    Each rule keeps the newest backup of a day, week or month, and counts only those that no rule
    before it keeps. The newest backup is always kept.
    """
    newest_first = sorted(times, reverse=True)
    found = set(newest_first[: max(1, retention.last)])
    for count, form in (
        (retention.daily, "%Y-%m-%d"),
        (retention.weekly, "%G-%V"),
        (retention.monthly, "%Y-%m"),
    ):
        # The newest of each period: setdefault keeps the first.
        newest: dict[str, datetime] = {}
        for time in newest_first:
            newest.setdefault(time.strftime(form), time)
        found.update([time for time in newest.values() if time not in found][:count])
    return found

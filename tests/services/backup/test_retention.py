"""Retention as a function of the times of the backups."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.services.backup.retention import Retention, kept

DEFAULT = Retention(last=10, daily=7, weekly=4, monthly=12)
NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)

times = st.sets(
    st.integers(0, 3 * 365 * 24 * 3600).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    max_size=120,
)
counts = st.integers(0, 6)
retentions = st.builds(Retention, last=counts, daily=counts, weekly=counts, monthly=counts)


def days_ago(*days: float) -> set[datetime]:
    return {NOW - timedelta(days=day) for day in days}


class TestKept:
    def test_keeps_nothing_of_nothing(self) -> None:
        assert kept(set(), DEFAULT) == set()

    def test_keeps_the_last_ones(self) -> None:
        minutes = [NOW - timedelta(minutes=minute) for minute in range(30)]
        assert kept(minutes, DEFAULT) == set(minutes[:10])

    def test_daily_backups_reach_back_a_year(self) -> None:
        found = sorted(kept(days_ago(*range(800)), DEFAULT), reverse=True)
        ages = [(NOW - time).days for time in found]
        # The last 10, 7 days before these, then Sundays of 4 weeks and the ends of 12 months.
        assert ages[:17] == list(range(17))
        assert [time.isoweekday() for time in found[17:21]].count(7) >= 3
        assert len(found) == 33
        assert 360 < ages[-1] < 430

    def test_keeps_the_newest_of_each_day(self) -> None:
        retention = Retention(last=1, daily=3, weekly=0, monthly=0)
        found = kept(days_ago(0, 0.01, 1, 1.01, 2, 2.01, 3, 4), retention)
        assert found == days_ago(0, 1, 2, 3)

    def test_days_without_backups_do_not_count(self) -> None:
        retention = Retention(last=1, daily=2, weekly=0, monthly=0)
        assert kept(days_ago(0, 50, 99, 200), retention) == days_ago(0, 50, 99)

    @pytest.mark.parametrize("last", [0, 1])
    def test_always_keeps_the_newest(self, last: int) -> None:
        assert kept(days_ago(1, 2, 3), Retention(last, 0, 0, 0)) == days_ago(1)

    @given(times, retentions)
    def test_keeps_a_bounded_number(self, given_times: set[datetime], rule: Retention) -> None:
        found = kept(given_times, rule)
        assert found <= given_times
        limit = max(1, rule.last) + rule.daily + rule.weekly + rule.monthly
        assert len(found) <= limit
        newest = sorted(given_times, reverse=True)[: max(1, rule.last)]
        assert set(newest) <= found

    @given(times, retentions)
    def test_thinning_again_removes_nothing(
        self, given_times: set[datetime], rule: Retention
    ) -> None:
        found = kept(given_times, rule)
        assert kept(found, rule) == found

    @given(st.lists(st.integers(1, 60 * 24 * 3), min_size=1, max_size=150))
    def test_thinning_with_each_upload_leaves_one_of_each_recent_month(
        self, pauses: list[int]
    ) -> None:
        held: set[datetime] = set()
        time = datetime(2024, 1, 1, tzinfo=UTC)
        seen = []
        for pause in pauses:
            time += timedelta(minutes=pause)
            seen.append(time)
            held = kept(held | {time}, DEFAULT)
        months = {(each.year, each.month) for each in seen}
        newest = sorted(months)[-12:]
        assert {(each.year, each.month) for each in held} >= set(newest)

"""The report of the live feed."""

from benchmarks.live_feed.delivery import Delays
from benchmarks.live_feed.following import Costs
from benchmarks.live_feed.idle import Idle
from benchmarks.live_feed.report import Findings, markdown
from benchmarks.live_feed.writing import Writing

# 60 polls of 4 ms and 10 / 24 events of 1.2 ms, against 39 + 1.1 * 10 + 10 / 24 * 2.4 ms.
COSTS = Costs(polls={"REST": 4.0}, news={"REST": 1.2}, stream_hour=39.0, opening=10.0, delivery=2.4)


class TestMarkdown:
    def test_lists_goals_and_figures(self) -> None:
        found = Findings(
            {"1,000 watchers of one user": Delays(median=50.0, tail=301.0, last=90.0)},
            {5: Idle(30.0, 20.0, 4.0, 2.0, 1.0)},
            COSTS,
            Writing(rate=0.97, rates=(0.9, 0.97, 1.1), cost=1.01),
        )
        text = markdown("A machine.", "Nothing else ran.", found)
        assert "A machine." in text
        assert "Nothing else ran." in text
        way = "of an event's way to 1,000 watchers of one user, ms"
        assert f"| median {way} | 50 | at most 100 | yes |" in text
        assert f"| 99th percentile {way} | 301 | at most 300 | **no** |" in text
        assert "| memory of an idle watcher of 5 users, KiB | 30 | at most 40 | yes |" in text
        assert "| CPU time of polling every minute over REST vs. watching | 4.72 |" in text
        assert "| PutEvent with 1,000 watchers vs. without | 0.97 | at least 0.95 | yes |" in text
        assert "0.970 of the\ncalls per second (0.90 to 1.10 in 3 pairs), 1.010 of" in text

    def test_omits_what_was_not_measured(self) -> None:
        text = markdown("A machine.", "Nothing else ran.", Findings())
        assert "## Goals" in text
        assert "## Delivery" not in text
        assert "## Writers" not in text

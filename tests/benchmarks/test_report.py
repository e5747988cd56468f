"""Ratios, goals and the report."""

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.goals import Goal, of_throughput
from benchmarks.report import Findings
from benchmarks.servers import FLOOR, OURS, OURS_REST, PEER_BARE, PEER_ORM
from benchmarks.throughput import Series, ratio


def series(*rates: float) -> Series:
    cost = {"server": 0.0003, "postgres": 0.0001, "load": 0.0001}
    return Series(rates=list(rates), costs=[cost] * len(rates))


@pytest.fixture
def findings() -> Findings:
    results = {
        "GetUser": {
            OURS: series(80, 90, 85),
            FLOOR: series(100, 100, 100),
            OURS_REST: series(50, 40, 45),
            PEER_ORM: series(20, 20, 20),
            PEER_BARE: series(60, 60, 60),
        },
        "GetUsers of 200": {OURS: series(1), PEER_ORM: series(1)},
    }
    return Findings(results, of_throughput(results), {1: 1.0, 2: 1.5})


class TestRatio:
    def test_is_the_median_of_the_rounds(self) -> None:
        # The median of the ratios, not the ratio of the medians.
        assert ratio(series(10, 30, 20), series(10, 10, 40)) == 1


class TestGoal:
    def test_is_met_at_its_bound(self) -> None:
        assert Goal("at least", 0.8, 0.8).met
        assert not Goal("at least", 0.79, 0.8).met
        assert Goal("at most", 1.3, 1.3, at_most=True).met
        assert not Goal("at most", 1.31, 1.3, at_most=True).met

    def test_applies_to_its_workload_only(self, findings: Findings) -> None:
        assert [(goal.value, goal.bound) for goal in findings.goals] == [
            (0.85, 0.80),
            (2.25, 1.8),
            (0.75, 1.0),
        ]


class TestMarkdown:
    def test_report_lists_goals_and_ratios(self, findings: Findings, tmp_path: Path) -> None:
        text = report.markdown("A machine.", findings)
        assert "A machine." in text
        assert f"| GetUser: {OURS} vs. {FLOOR} | 0.85 | at least 0.8 | yes |" in text
        assert f"| GetUser: {OURS_REST} vs. {PEER_BARE} | 0.75 | at least 1 | **no** |" in text
        assert f"| {OURS} | 0.85 | 4.25 | 60 % | - | 20 % | 20 % |" in text
        assert "| 2 | 1.50 |" in text
        file = tmp_path / "throughput.svg"
        report.draw(findings.results, file)
        assert file.read_text().startswith("<?xml")

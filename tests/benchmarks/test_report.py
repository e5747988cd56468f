"""What is made of measurements."""

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


def test_a_ratio_is_the_middle_one_of_the_rounds() -> None:
    # Each with its own round: the middle rates have nothing to do with each other.
    assert ratio(series(10, 30, 20), series(10, 10, 40)) == 1


def test_a_goal_is_reached_at_its_bound() -> None:
    assert Goal("at least", 0.8, 0.8).reached
    assert not Goal("at least", 0.79, 0.8).reached
    assert Goal("at most", 1.3, 1.3, at_most=True).reached
    assert not Goal("at most", 1.31, 1.3, at_most=True).reached


def test_goals_are_those_of_the_workload_alone(findings: Findings) -> None:
    assert [(goal.value, goal.bound) for goal in findings.goals] == [
        (0.85, 0.80),
        (2.25, 1.8),
        (0.75, 1.0),
    ]


def test_the_report_says_what_was_reached(findings: Findings, tmp_path: Path) -> None:
    text = report.markdown("A machine.", findings)
    assert "A machine." in text
    assert f"| GetUser: {OURS} to {FLOOR} | 0.85 | at least 0.8 | yes |" in text
    assert f"| GetUser: {OURS_REST} to {PEER_BARE} | 0.75 | at least 1 | **no** |" in text
    assert f"| {OURS} | 0.85 | 4.25 | 60 % | - | 20 % | 20 % |" in text
    assert "| 2 | 1.50 |" in text
    file = tmp_path / "throughput.svg"
    report.draw(findings.results, file)
    assert file.read_text().startswith("<?xml")

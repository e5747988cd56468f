"""Progress as a plot and as a table."""

import datetime as dt

import pytest
from gymlocker.v2 import exercise_pb2, training_pb2

from server.programs.client.screen.plot import show_progress
from tests.programs.client.screen.screens import Recorder

ID = "95567f24-8a43-4455-95fb-a15115dacc2e"


def points(count: int) -> list[exercise_pb2.ProgressPoint]:
    return [
        exercise_pb2.ProgressPoint(
            date=(dt.date(2026, 1, 1) + dt.timedelta(days=7 * week)).isoformat(),
            workout_id=ID,
            top_set=training_pb2.WorkoutSet(
                reps=5, weight=training_pb2.SetWeight(value=100 + week, unit="kg"), notes="\x1b[2J"
            ),
            estimated_one_rep_max=round(116.67 + week, 2),
            volume=1_500,
            sets=3,
            reps=15,
        )
        for week in range(count)
    ]


RUN = exercise_pb2.ProgressPoint(
    date="2026-01-01",
    workout_id=ID,
    top_set=training_pb2.WorkoutSet(distance=training_pb2.SetDistance(value=5, unit="km")),
    sets=1,
    distance=5_000,
    duration_seconds=1_500,
)


class TestShowProgress:
    @pytest.mark.parametrize("width", [60, 80])
    def test_plots_on_terminal(self, width: int) -> None:
        recorder = Recorder(width, terminal=True)
        show_progress(recorder.screen, "Bench", points(30), "kg", None)
        heading, *plot = recorder.lines
        assert heading == "Bench: estimated 1RM (kg)"
        assert "\x1b" not in recorder.text
        assert plot[0].endswith("┐") and len(plot[0]) == width
        assert "145.7┤" in recorder.text and "2026-01-01" in plot[-4]
        assert plot[-3:] == [
            "First  2026-01-01  116.67 kg",
            "Best   2026-07-23  145.67 kg",
            "Last   2026-07-23  145.67 kg",
        ]

    @pytest.mark.parametrize(
        ("metric", "heading", "last"),
        [
            ("weight", "Bench: heaviest set (lb)", "225.97 lb"),
            ("volume", "Bench: volume (lb)", "1,500 lb"),
            ("reps", "Bench: repetitions", "15 reps"),
        ],
    )
    def test_plots_chosen_metric(self, metric: str, heading: str, last: str) -> None:
        recorder = Recorder(80, terminal=True)
        # The top sets are in kilograms.
        given = points(3)
        given[-1].top_set.weight.value = 102.5
        show_progress(recorder.screen, "Bench", given, "lb", metric)
        assert recorder.lines[0] == heading
        assert recorder.lines[-1] == f"Last   2026-01-15  {last}"

    def test_chooses_metric_that_has_values(self) -> None:
        recorder = Recorder(80, terminal=True)
        show_progress(recorder.screen, "Run", [RUN], "kg", None)
        # One day makes no line.
        assert recorder.lines[0] == "Run: distance (m)"
        assert len(recorder.lines) == 4
        show_progress(recorder.screen, "Run", [RUN], "kg", "duration")
        assert recorder.lines[-1] == "Last   2026-01-01  25:00"

    def test_reports_metric_without_values(self) -> None:
        recorder = Recorder(80, terminal=True)
        show_progress(recorder.screen, "Run", [RUN], "kg", "volume")
        assert "choose another --metric" in recorder.text

    def test_writes_table_in_pipe(self) -> None:
        recorder = Recorder()
        show_progress(recorder.screen, "Bench", points(2), "kg", None)
        heading, first, second = recorder.lines
        assert heading.split() == (
            ["Date", "Top", "set", "Est.", "1RM", "Volume", "Sets", "Reps", "Workout"]
        )
        assert first == "2026-01-01  100kg x5  116.67 kg  1,500 kg     3    15  95567f24"
        assert second.startswith("2026-01-08  101kg x5  117.67 kg")

    def test_writes_table_where_plot_cannot_be_encoded(self) -> None:
        recorder = Recorder(80, encoding="ascii", terminal=True)
        show_progress(recorder.screen, "Run", [RUN], "kg", None)
        assert "5,000 m" in recorder.text and "25:00" in recorder.text

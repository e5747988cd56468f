"""Benchmark of the live feed.

    uv run python -m benchmarks.live_feed

A run takes about half an hour, most of which is waiting. It requires h2load (Debian:
nghttp2-client).
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import machine
from benchmarks.live_feed import delivery, following, idle, report, writing
from benchmarks.live_feed.report import Findings
from benchmarks.live_feed.stage import stage

PARTS = ("delivery", "idle", "following", "writing")
SHAPES = {
    f"{delivery.WATCHERS:,} watchers of one user": delivery.to_one_audience,
    f"{delivery.WATCHERS:,} watchers of {delivery.WRITERS} users": delivery.to_many_audiences,
}


class _ShareOfOthers:
    """The CPU time that other programs used since the start."""

    def __init__(self) -> None:
        self._busy, self._own = _busy(), _own()

    def text(self) -> str:
        """Say how busy the machine was otherwise; call it when all processes have ended."""
        busy, own = _busy() - self._busy, _own() - self._own
        return (
            f"Other programs used {max(0.0, 1 - own / busy):.0%} of the CPU time that was used "
            f"during the measurements (load average {os.getloadavg()[2]:.0f})."
        )


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Number of measurements per figure.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.2, help="Duration of each load.")] = 2.0,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Parts to run: {', '.join(PARTS)}.")
    ] = None,
    output: Annotated[Path, typer.Option(help="File of the report.")] = Path(
        "docs/benchmarks/live-feed.md"
    ),
) -> None:
    """Measure, print a report and write it. Exit with 1 if a goal is missed."""
    wanted = set(only or PARTS)
    if unknown := wanted - set(PARTS):
        raise typer.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(PARTS)}")
    # Before the run: the checkout may change until it ends.
    environment, share = machine.description(), _ShareOfOthers()
    found = Findings()
    if "delivery" in wanted:
        with stage(workers=2, followed=1 + delivery.WRITERS) as running:
            for name, measure in SHAPES.items():
                found.delivery[name] = measure(running, rounds=rounds)
    if "idle" in wanted:
        # A worker each, for it keeps the memory of streams that have ended.
        for followed in (1, 5):
            with stage(workers=1, followed=idle.WATCHERS) as running:
                found.idle[followed] = idle.measure(running, followed=followed)
    if "following" in wanted:
        with stage(workers=1, followed=following.FOLLOWERS) as running:
            found.following = following.measure(running, rounds=min(rounds, 3))
    if "writing" in wanted:
        with stage(workers=2, followed=writing.WATCHERS) as running:
            found.writing = writing.measure(running, seconds=seconds)
    text = report.markdown(environment, share.text(), found)
    output.write_text(text, encoding="utf-8")
    Console().print(Markdown(text))
    sys.exit(0 if all(goal.met for goal in found.goals()) else 1)


def _busy() -> float:
    """Return the CPU seconds of all programs."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def _own() -> float:
    """Return the CPU seconds of this process and of those it has waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    typer.run(main)

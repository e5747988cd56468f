"""Benchmark of Gymlocker against common alternatives and against the floor.

    uv run python -m benchmarks

A run takes about 15 minutes. It requires h2load and wrk (Debian: nghttp2-client, wrk).
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import footprint, goals, growth, latency, machine, report, scaling, throughput
from benchmarks.report import Findings
from benchmarks.servers import Arena, arena
from benchmarks.workloads import workloads

PARTS = ("throughput", "latency", "growth", "footprint", "scaling")


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Number of measurements per figure.")] = 7,
    seconds: Annotated[float, typer.Option(min=0.2, help="Duration of each load.")] = 1.5,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Parts to run: {', '.join(PARTS)}.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Directory of the report and its chart.")] = Path(
        "docs/benchmarks"
    ),
) -> None:
    """Measure, print a report and write it. Exit with 1 if a goal is missed."""
    wanted = set(only or PARTS)
    if unknown := wanted - set(PARTS):
        raise typer.BadParameter(f"{', '.join(unknown)}: not one of {', '.join(PARTS)}")
    for tool, package in {"h2load": "nghttp2-client", "wrk": "wrk"}.items():
        if shutil.which(tool) is None:
            raise typer.BadParameter(f"{tool} is not installed (Debian: apt-get install {package})")
    # Before the run: the checkout may change until it ends.
    environment = machine.description()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        found = _Run(rounds, seconds, progress).measure(wanted)
    _report(environment, found, output)
    sys.exit(0 if all(goal.met for goal in found.goals) else 1)


@dataclass(frozen=True)
class _Run:
    rounds: int
    seconds: float
    progress: Progress

    def measure(self, wanted: set[str]) -> Findings:
        found = Findings()
        if wanted & {"throughput", "latency"}:
            with arena() as running:
                if "throughput" in wanted:
                    self._throughput(running, found)
                if "latency" in wanted:
                    self._latency(running, found)
        if "growth" in wanted:
            self._growth(found)
        if "footprint" in wanted:
            self._footprint(found)
        if "scaling" in wanted:
            self._scaling(found)
        return found

    def _bar(self, name: str, steps: int) -> Callable[[], None]:
        task = self.progress.add_task(name, total=steps)
        return lambda: self.progress.advance(task)

    def _throughput(self, running: Arena, found: Findings) -> None:
        for workload in workloads(running.seeded):
            advance = self._bar(workload.name, self.rounds * len(workload.contenders))
            found.results[workload.name] = throughput.measure(
                running, workload, rounds=self.rounds, seconds=self.seconds, advance=advance
            )
        found.goals += goals.of_throughput(found.results)

    def _latency(self, running: Arena, found: Findings) -> None:
        steps = self.rounds * len(latency.disturbances(running.seeded))
        advance = self._bar("GetUser during other load", steps)
        latencies = latency.measure(
            running, rounds=self.rounds, seconds=self.seconds, advance=advance
        )
        found.goals += goals.of_latency(latencies)

    def _growth(self, found: Findings) -> None:
        advance = self._bar("1,000,000 users", 2 + 2 * (self.rounds + growth.WARM_UP_ROUNDS))
        found.goals += goals.of_growth(growth.measure(rounds=self.rounds, advance=advance))

    def _footprint(self, found: Findings) -> None:
        advance = self._bar("memory and start", 1 + 3 * self.rounds)
        times = footprint.measure_imports(rounds=self.rounds, advance=advance)
        taken = footprint.measure(rounds=self.rounds, seconds=self.seconds, advance=advance)
        found.goals += goals.of_footprint(taken, times)

    def _scaling(self, found: Findings) -> None:
        advance = self._bar("workers", 3 * (self.rounds + 1))
        found.scaling = scaling.measure(rounds=self.rounds, seconds=self.seconds, advance=advance)


def _report(environment: str, found: Findings, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = report.markdown(environment, found)
    (folder / "README.md").write_text(text, encoding="utf-8")
    if found.results:
        report.draw(found.results, folder / "throughput.svg")
    Console().print(Markdown(text))


if __name__ == "__main__":
    typer.run(main)

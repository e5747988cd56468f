"""What was measured, as Markdown and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl

from benchmarks.goals import Goal
from benchmarks.processor import LOAD
from benchmarks.servers import FLOOR, PEER_ORM
from benchmarks.throughput import Results, Series, ratio

mpl.use("svg")
# The same picture for the same figures.
mpl.rcParams["svg.hashsalt"] = "gymlocker"
from matplotlib import pyplot as plt  # noqa: E402 - after it was told what to draw with

BARS_OF = {"Gymlocker": "#2563eb", "floor": "#64748b", "FastAPI": "#f59e0b", "hashing": "#dc2626"}

_HEAD = """# Benchmarks

Printed by `uv run python -m benchmarks`; [decision 0012](../decisions/0012-fast.md) says what
stands behind them.

{machine}

Every figure is the middle one of the ratios of one round each, in which all contenders took their
turns, one at a time. Each is one process; load, server, Envoy and PostgreSQL share the cores.
`floor` is grpc.aio and bare asyncpg with the same SQL and nothing else.

## Goals"""
_CALLS = """## Calls a second

Beside the ratios, for what the processor was busy during a call: the server's own process, Envoy,
PostgreSQL and the load, in percent of the whole."""


@dataclass
class Findings:
    """All that was measured."""

    results: dict[str, Results] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    scaling: dict[int, float] = field(default_factory=dict)


def markdown(machine: str, found: Findings) -> str:
    """The whole report."""
    parts = [
        _HEAD.format(machine=machine),
        _goals(found.goals),
        "![Calls a second as a ratio to the peer's](throughput.svg)",
        _CALLS,
        *(f"### {name}\n\n{_workload(series)}" for name, series in found.results.items()),
    ]
    if found.scaling:
        parts += ["## Workers", _scaling(found.scaling)]
    return "\n\n".join(parts) + "\n"


def draw(results: Mapping[str, Results], file: Path) -> None:
    """Draws the calls a second of each contender as a ratio to the peer's."""
    figure, axes = plt.subplots(
        len(results), 1, figsize=(9, 2.6 * len(results)), layout="constrained", squeeze=False
    )
    for (name, series), axis in zip(results.items(), axes.flat, strict=True):
        contenders = list(reversed(series))
        ratios = [ratio(series[each], series[PEER_ORM]) for each in contenders]
        colours = [BARS_OF[each.split(",")[0].split(" ")[0]] for each in contenders]
        bars = axis.barh(contenders, ratios, color=colours)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.axvline(1, color="#94a3b8", linewidth=0.8)
        axis.set_title(f"{name}: calls a second, {PEER_ORM} = 1", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _goals(goals: Sequence[Goal]) -> str:
    rows = [
        (
            goal.name,
            _figure(goal.value),
            f"at {'most' if goal.at_most else 'least'} {goal.bound:g}",
            "yes" if goal.reached else "**no**",
        )
        for goal in goals
    ]
    return _table(("what", "measured", "wanted", "reached"), rows)


def _workload(series: Results) -> str:
    rows = []
    for name, each in series.items():
        to_floor = _figure(ratio(each, series[FLOOR])) if FLOOR in series else "-"
        rows.append((name, to_floor, _figure(ratio(each, series[PEER_ORM])), *_shares(each)))
    users = ("server", "Envoy", "PostgreSQL", "load")
    return _table(("contender", "to the floor", "to FastAPI, ORM", *users), rows)


def _shares(series: Series) -> list[str]:
    users = ("server", "envoy", "postgres", LOAD)
    costs = [series.cost(user) for user in users]
    return [f"{100 * cost / sum(costs):.0f} %" if cost else "-" for cost in costs]


def _scaling(scaling: Mapping[int, float]) -> str:
    rows = [(str(workers), _figure(value)) for workers, value in scaling.items()]
    return _table(("workers behind one Envoy", "GetUser, to one worker"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ruler, *rows))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.2f}"

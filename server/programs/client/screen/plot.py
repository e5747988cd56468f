"""The progress of an exercise as a plot in the terminal."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gymlocker.v2 import exercise_pb2
from rich.text import Text

from server.programs.client.notation.writer import format_duration
from server.programs.client.screen.console import Screen
from server.programs.client.screen.exercises import show_points, with_unit

MAX_WIDTH = 100
HEIGHT = 18
# Characters that the plot is drawn with.
DRAWING = "⣿┌┐└┘─│┤┬"
POUNDS_PER_KILOGRAM = 1 / 0.45359237


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a workout that can be plotted; `value` returns None if it has none."""

    title: str
    unit: str
    value: Callable[[exercise_pb2.ProgressPoint], float | None]


def metrics(unit: str) -> dict[str, Metric]:
    """Return the metrics by their names; the first that has values is the usual one."""
    return {
        "1rm": Metric("estimated 1RM", unit, _one_rep_max),
        "weight": Metric("heaviest set", unit, lambda point: _weight(point, unit)),
        "volume": Metric("volume", unit, lambda point: point.volume or None),
        "reps": Metric("repetitions", "reps", lambda point: point.reps or None),
        "distance": Metric("distance", "m", _distance),
        "duration": Metric("duration", "s", _duration),
    }


def show_progress(
    screen: Screen,
    name: str,
    points: Sequence[exercise_pb2.ProgressPoint],
    unit: str,
    chosen: str | None,
) -> None:
    """Write the progress as a plot of a metric, or as a table if the output cannot show a plot."""
    if not points:
        screen.write("No workouts found.")
        return
    if not can_plot(screen):
        show_points(screen, points, unit)
        return
    known = metrics(unit)
    metric = known[chosen] if chosen else _usual(known, points)
    values = values_of(points, metric)
    if values:
        show_plot(screen, name, metric, values)
    else:
        screen.write(
            f"No workout of {name} has a figure for {metric.title}: choose another --metric."
        )


def _usual(known: dict[str, Metric], points: Sequence[exercise_pb2.ProgressPoint]) -> Metric:
    return next((each for each in known.values() if values_of(points, each)), known["reps"])


def values_of(
    points: Sequence[exercise_pb2.ProgressPoint], metric: Metric
) -> list[tuple[dt.date, float]]:
    """Return the days and values of the workouts that have one."""
    return [
        (dt.date.fromisoformat(point.date), value)
        for point in points
        if (value := metric.value(point)) is not None
    ]


def show_plot(
    screen: Screen, name: str, metric: Metric, values: Sequence[tuple[dt.date, float]]
) -> None:
    """Draw the values over time, and write the first, the best and the last one."""
    screen.write(f"{name}: {metric.title}{'' if metric.unit == 'reps' else f' ({metric.unit})'}")
    if len({day for day, _ in values}) > 1:
        screen.write_drawing(Text(_drawn(values, min(screen.width, MAX_WIDTH))))
    best = max(values, key=lambda each: each[1])
    for title, (day, value) in (("First", values[0]), ("Best", best), ("Last", values[-1])):
        screen.write_labelled(f"{title:5}  {day}", _figure(value, metric.unit))


def can_plot(screen: Screen) -> bool:
    """Check whether the output can show a plot."""
    return screen.is_terminal and screen.can_show(DRAWING)


def _drawn(values: Sequence[tuple[dt.date, float]], width: int) -> str:
    # Imported here: it takes longer than the rest of a command.
    import plotext

    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, HEIGHT)
    figure.date("x").activate(form="%Y-%m-%d")
    days = [dt.datetime.combine(day, dt.time()) for day, _ in values]
    signal = figure.signal(days, [value for _, value in values], marker="braille")
    signal.lines()
    return str(figure.draw(signal).build().string(colorless=True)).rstrip("\n")


def _figure(value: float, unit: str) -> str:
    return format_duration(int(value)) if unit == "s" else with_unit(value, unit)


def _one_rep_max(point: exercise_pb2.ProgressPoint) -> float | None:
    return point.estimated_one_rep_max if point.HasField("estimated_one_rep_max") else None


def _weight(point: exercise_pb2.ProgressPoint, unit: str) -> float | None:
    """Return the weight of the top set, which comes as it was entered, in `unit`."""
    if not (point.HasField("top_set") and point.top_set.HasField("weight")):
        return None
    weight = point.top_set.weight
    if weight.unit == unit:
        return weight.value
    factor = POUNDS_PER_KILOGRAM if unit == "lb" else 1 / POUNDS_PER_KILOGRAM
    return round(weight.value * factor, 2)


def _distance(point: exercise_pb2.ProgressPoint) -> float | None:
    return point.distance if point.HasField("distance") else None


def _duration(point: exercise_pb2.ProgressPoint) -> float | None:
    return float(point.duration_seconds) if point.HasField("duration_seconds") else None

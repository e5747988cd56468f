"""All metrics of the web process."""

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.libraries.telemetry.callback_collector import CallbackCollector
from server.libraries.telemetry.process import new_registry
from server.programs.web.connection_counts import Tally
from server.programs.web.hubs import HUBS


def web_registry(tally: Tally) -> CollectorRegistry:
    """A registry that knows this process and its connections."""
    registry = new_registry()
    collector = CallbackCollector(registry)
    collector.add(
        GaugeMetricFamily,
        "gymlocker_web_connections",
        "Connections of apps that talk with the planner.",
        ["hub"],
        lambda: {(hub.path,): tally.open[hub.path] for hub in HUBS},
    )
    collector.add(
        CounterMetricFamily,
        "gymlocker_web_connections_ended",
        "Connections that have ended, by what ended them.",
        ["hub", "ending"],
        lambda: {(hub, how.replace(" ", "_")): count for (hub, how), count in _ended(tally)},
    )
    return registry


def _ended(tally: Tally) -> list[tuple[tuple[str, str], int]]:
    # All at once, as another thread may add to it.
    return list(tally.ended.items())

"""The metrics of the web process."""

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.libraries.telemetry.callback_collector import CallbackCollector
from server.libraries.telemetry.process import new_registry
from server.programs.web.connection_counts import ConnectionCounts
from server.programs.web.hubs import HUBS


def web_registry(counts: ConnectionCounts) -> CollectorRegistry:
    """Return a registry with the metrics of this process and its connections."""
    registry = new_registry()
    collector = CallbackCollector(registry)
    collector.add(
        GaugeMetricFamily,
        "gymlocker_web_connections",
        "Open connections of apps to the planner.",
        ["hub"],
        lambda: {(hub.path,): counts.open[hub.path] for hub in HUBS},
    )
    collector.add(
        CounterMetricFamily,
        "gymlocker_web_connections_ended",
        "Closed connections by their ending.",
        ["hub", "ending"],
        lambda: {(hub, ending.replace(" ", "_")): count for (hub, ending), count in _ended(counts)},
    )
    return registry


def _ended(counts: ConnectionCounts) -> list[tuple[tuple[str, str], int]]:
    # Copied at once because another thread may add to it.
    return list(counts.ended.items())
